# Compiler settings shared by every target: warnings, ccache, a fast linker.
find_program(MARQUEE_CCACHE ccache)
if(MARQUEE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MARQUEE_CCACHE})
endif()

find_program(MARQUEE_MOLD mold)
if(MARQUEE_MOLD AND NOT CMAKE_CROSSCOMPILING)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wno-psabi -fno-omit-frame-pointer)
# Float results must not depend on how many requests share a batch, so no transformation may reorder sums.
add_compile_options(-ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-maybe-uninitialized -Wno-dangling-pointer -Wno-restrict -Wno-stringop-overflow
                      -Wno-array-bounds)  # GCC 12 reports these falsely inside libstdc++ and Boost
endif()

set(MARQUEE_SANITIZE "" CACHE STRING "Sanitizers for every target, as -fsanitize= takes them")
if(MARQUEE_SANITIZE)
  add_compile_options(-fsanitize=${MARQUEE_SANITIZE} -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${MARQUEE_SANITIZE})
  if(MARQUEE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio's fences, which the sanitizer does not see, stand beside atomics that it does
  endif()
endif()

if(MARQUEE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # counts what an input reaches, in our libraries too
endif()
