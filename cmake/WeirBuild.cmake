# How everything is compiled: C11, warnings, sanitizers, hidden symbols, and where the results lie.
option(WEIR_WERROR "treat warnings as errors" OFF)
option(WEIR_FUZZ "build the libFuzzer targets (clang only)" OFF)
set(WEIR_SANITIZE "" CACHE STRING "sanitizers for -fsanitize=, for example address,undefined")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wvla $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
                    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(WEIR_WERROR)
  add_compile_options(-Werror)
endif()
if(WEIR_SANITIZE)
  add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WEIR_SANITIZE})
  add_compile_definitions(WEIR_SANITIZED)
endif()
if(WEIR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=) # __FILE__, and so a report's call sites, from the top
include_directories(${CMAKE_SOURCE_DIR}) # includes are written from the top: "base/arena.h"

# Adds those of the named folders that have a CMakeLists.txt.
macro(weir_add_folders)
  foreach(folder IN ITEMS ${ARGN})
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${folder})
    endif()
  endforeach()
endmacro()

# A file of documentation, made by running one of our own programs; what it prints goes into the file.
function(weir_generate file program)
  add_custom_command(OUTPUT ${file} COMMAND ${program} ${ARGN} > ${file} DEPENDS ${program} VERBATIM)
  add_custom_target(generate_${file} ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${file})
endfunction()

# A libFuzzer target over one file, <name>.c; its corpus lies in fuzz/corpus/<name>/ and replays as an ordinary test.
function(weir_fuzz_target name)
  if(NOT WEIR_FUZZ)
    return()
  endif()
  add_executable(${name} ${name}.c)
  target_link_libraries(${name} PRIVATE ${ARGN})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
