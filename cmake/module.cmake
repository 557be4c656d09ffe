# marquee_unity(<target> <files>)
#
# Compiles a target's sources a few at a time. Most of a file's compile time is its headers' and the templates it shares
# with its neighbours (docs/PERFORMANCE.md has the figures). No two files of a target may give one name to different
# things in their unnamed namespaces.
function(marquee_unity target files)
  if(MARQUEE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${files})
  endif()
endfunction()

# marquee_module(<name> [WITHOUT <sub-folder>] DEPENDS <modules and libraries>)
#
# Makes the library marquee::<name> of the sources in the calling folder (and its sub-folders, but for one that is a
# library of its own), the test program <name>_test of its *_test.cc files and the micro-benchmarks <name>_bench of its
# *_bench.cc files.
function(marquee_module name)
  cmake_parse_arguments(ARG "" "WITHOUT" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  if(ARG_WITHOUT)
    list(FILTER sources EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/${ARG_WITHOUT}/")
  endif()
  set(tests ${sources})
  set(benches ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")

  if(NOT sources)
    add_library(marquee_${name} INTERFACE)
    set(visibility INTERFACE)
  else()
    add_library(marquee_${name} STATIC ${sources})
    set(visibility PUBLIC)
    marquee_unity(marquee_${name} 4)
  endif()
  add_library(marquee::${name} ALIAS marquee_${name})
  target_include_directories(marquee_${name} ${visibility} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(marquee_${name} ${visibility} ${ARG_DEPENDS})

  if(MARQUEE_TESTS AND tests)
    add_executable(${name}_test ${tests})
    marquee_unity(${name}_test 6)
    target_link_libraries(${name}_test PRIVATE marquee::${name} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE MARQUEE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  endif()
  if(TARGET benchmark::benchmark AND benches AND NOT MARQUEE_SANITIZE)
    add_executable(${name}_bench ${benches})
    target_link_libraries(${name}_bench PRIVATE marquee::${name} benchmark::benchmark benchmark::benchmark_main)
  endif()
endfunction()
