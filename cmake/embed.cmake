# Run as a script: writes a C++ source that holds text files.
#   cmake -DOUTPUT=<file.cc> -DNAMESPACE=<a::b> -DNAME=<variable> -DHEADER=<header> -DFILES=<path|path|…> -P embed.cmake
# defines  std::span<const EmbeddedFile> NAME()  in NAMESPACE; HEADER declares it and EmbeddedFile{name, content}.
string(REPLACE "|" ";" FILES "${FILES}")
set(source "// Made by cmake/embed.cmake; do not edit.\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n")
string(APPEND source "namespace {\nconstexpr EmbeddedFile kFiles[] = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" content)
  # One literal may hold at most 64 KiB on some compilers; catalog entries are far smaller.
  string(APPEND source "    {\"${name}\", R\"embedded(${content})embedded\"},\n")
endforeach()
string(APPEND source "};\n}  // namespace\n\nstd::span<const EmbeddedFile> ${NAME}() { return kFiles; }\n\n")
string(APPEND source "}  // namespace ${NAMESPACE}\n")
file(WRITE "${OUTPUT}" "${source}")
