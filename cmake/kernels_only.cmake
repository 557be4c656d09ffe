# The kernels, what little they need of base, and GoogleTest from its sources.
add_subdirectory(/usr/src/googletest ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
add_library(marquee_base STATIC src/base/result.cc)
add_library(marquee::base ALIAS marquee_base)
target_include_directories(marquee_base PUBLIC src)
add_subdirectory(src/kernels)
