# The libraries that others' programs use: libweir and its companions. Each comes shared and static, exports weir_* alone,
# and has a pkg-config file and a CMake component named after it; docs/libweir.md says what the numbers mean.
#
#     target        what it makes                           others' CMake       others' pkg-config
#     weir          libweir.so                              weir::weir          weir
#     weir_static   libweir.a                               weir::weir_static   weir, --static
#     weir_pq       libweir-pq.so                           weir::pq            weir-pq
#     weir_pq_static  libweir-pq.a                          weir::pq_static     weir-pq, --static
include(CMakePackageConfigHelpers)

# The number in libweir.so.N: raised when a release takes something away or changes it, never for an addition
# (docs/decisions has the rule). The symbols' version in sdk/weir.map carries the same number.
set(WEIR_SOVERSION 0)
set(WEIR_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/weir)

# What is installed comes in three parts, for who packages it: runtime (shared libraries), development (headers, archives,
# pkg-config, CMake, manual), programs (cmake --install DIR --component NAME; without a name all of it).
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME programs)

# Headers are found where they lie: here, and below whatever prefix was installed into.
function(weir_public_headers target)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/sdk/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# A target becomes weir::<component> of the installed package; COMPONENTS and MODULES are what it needs there: other
# components, and pkg-config modules, which are looked for only when somebody asks for this component.
function(weir_export target component)
  cmake_parse_arguments(arg "" "" "COMPONENTS;MODULES" ${ARGN})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${component})
  install(TARGETS ${target} EXPORT weir-${component}
          LIBRARY COMPONENT runtime NAMELINK_COMPONENT development ARCHIVE COMPONENT development)
  install(EXPORT weir-${component} NAMESPACE weir:: FILE weir-${component}.cmake
          DESTINATION ${WEIR_CMAKE_DIR} COMPONENT development)
  set_property(GLOBAL APPEND PROPERTY WEIR_COMPONENTS ${component})
  set_property(GLOBAL APPEND_STRING PROPERTY WEIR_COMPONENT_NEEDS
               "set(_weir_${component}_components ${arg_COMPONENTS})\nset(_weir_${component}_modules ${arg_MODULES})\n")
endfunction()

# The shared library of a target: what it exports, its name, which libraries it may need besides libc (a test holds it to
# that), and that it is never unloaded: threads end in libweir, fork calls it, and spans that are still to be sent point to
# names in the companions. They find each other beside themselves ($ORIGIN), libweir-otlp by libweir too, in any prefix; a
# distribution that wants no such path sets CMAKE_SKIP_INSTALL_RPATH.
function(weir_shared target)
  string(JOIN "," needs ${ARGN})
  set(script ${CMAKE_SOURCE_DIR}/sdk/weir.map)
  target_link_options(${target} PRIVATE -Wl,--version-script=${script} -Wl,--as-needed -Wl,-z,nodelete -Wl,-z,defs)
  if(WEIR_SANITIZE OR WEIR_FUZZ)
    target_link_options(${target} PRIVATE -Wl,-z,undefs) # clang leaves the sanitizer's symbols to the program
  endif()
  set_target_properties(${target} PROPERTIES
    SOVERSION ${WEIR_SOVERSION} VERSION ${PROJECT_VERSION} LINK_DEPENDS ${script} WEIR_MAY_NEED "${needs}"
    BUILD_RPATH $ORIGIN INSTALL_RPATH $ORIGIN)
  set_property(GLOBAL APPEND PROPERTY WEIR_SHARED_LIBRARIES ${target})
endfunction()

# The archive of a public library from the objects of others: one object in which everything but the public functions is
# local, so that a program that links it may have an arena_new of its own.
function(weir_archive target)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.o)
  set(join ${CMAKE_LINKER} -r)
  if("${CMAKE_INTERPROCEDURAL_OPTIMIZATION} ${CMAKE_C_FLAGS}" MATCHES "ON|TRUE|-flto")
    set(join ${CMAKE_C_COMPILER} -O2 -flto -r -nostdlib -flinker-output=nolto-rel) # gcc's: machine code for everybody
  endif()
  add_custom_command(OUTPUT ${object}
    COMMAND ${join} -o ${object} ${ARGN}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
    DEPENDS ${ARGN} COMMAND_EXPAND_LISTS VERBATIM)
  add_library(${target} STATIC ${object})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  set_property(GLOBAL APPEND PROPERTY WEIR_ARCHIVES ${target})
endfunction()

# <name>.pc. The prefix is found from where the file lies, so that cmake --install --prefix, DESTDIR and mv may choose it;
# folders that were given as absolute paths are left so.
function(weir_pkg_config name)
  cmake_parse_arguments(arg "" "DESCRIPTION;REQUIRES;LIBS_PRIVATE" "" ${ARGN})
  foreach(folder IN ITEMS LIBDIR INCLUDEDIR)
    set(${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
    if(IS_ABSOLUTE ${CMAKE_INSTALL_${folder}})
      set(${folder} ${CMAKE_INSTALL_${folder}})
    endif()
  endforeach()
  set(PREFIX ${CMAKE_INSTALL_PREFIX})
  if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" up ${up})
    set(PREFIX "\${pcfiledir}/${up}")
  endif()
  set(FIELDS "Name: ${name}\nDescription: ${arg_DESCRIPTION}\nVersion: ${PROJECT_VERSION}\n")
  if(arg_REQUIRES)
    string(APPEND FIELDS "Requires: ${arg_REQUIRES}\n")
  endif()
  string(APPEND FIELDS "Cflags: -I\${includedir}\nLibs: -L\${libdir} -l${name}\n")
  if(arg_LIBS_PRIVATE)
    string(APPEND FIELDS "Libs.private: ${arg_LIBS_PRIVATE}\n")
  endif()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/lib/pkgconfig/${name}.pc @ONLY CONTENT
       "prefix=@PREFIX@\nlibdir=@LIBDIR@\nincludedir=@INCLUDEDIR@\n\n@FIELDS@")
  install(FILES ${CMAKE_BINARY_DIR}/lib/pkgconfig/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT development)
endfunction()

# A companion: libweir-<name>, over libweir and the client library CLIENT (a pkg-config module), if it has one. NEEDS are
# further libraries (libz) that nobody but itself needs to know.
function(weir_companion name)
  cmake_parse_arguments(arg "" "CLIENT;DESCRIPTION" "SOURCES;NEEDS" ${ARGN})
  set(client)
  set(library)
  if(arg_CLIENT)
    string(MAKE_C_IDENTIFIER ${arg_CLIENT} module)
    set(client PkgConfig::${module})
    string(REGEX REPLACE "^lib" "" library ${arg_CLIENT})
    set(library lib${library})
  endif()
  # what both twins and the unit tests are made of
  add_library(weir_${name}_core STATIC ${arg_SOURCES})
  target_link_libraries(weir_${name}_core PUBLIC weir ${client})
  add_library(weir_${name} SHARED $<TARGET_OBJECTS:weir_${name}_core>)
  weir_archive(weir_${name}_static $<TARGET_OBJECTS:weir_${name}_core>)
  foreach(twin IN ITEMS "" _static)
    set_target_properties(weir_${name}${twin} PROPERTIES OUTPUT_NAME weir-${name})
    target_link_libraries(weir_${name}${twin} PUBLIC weir${twin} ${client})
    weir_export(weir_${name}${twin} ${name}${twin} COMPONENTS weir${twin} MODULES ${arg_CLIENT})
  endforeach()
  weir_shared(weir_${name} libweir ${library} ${arg_NEEDS})
  weir_pkg_config(weir-${name} DESCRIPTION "${arg_DESCRIPTION}" REQUIRES "weir >= ${PROJECT_VERSION} ${arg_CLIENT}")
endfunction()

# Once, after all libraries: headers, and what find_package(weir) reads.
function(weir_install_package)
  get_property(WEIR_COMPONENTS GLOBAL PROPERTY WEIR_COMPONENTS)
  get_property(WEIR_COMPONENT_NEEDS GLOBAL PROPERTY WEIR_COMPONENT_NEEDS)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/weir-config.cmake.in ${CMAKE_BINARY_DIR}/lib/weir-config.cmake
    INSTALL_DESTINATION ${WEIR_CMAKE_DIR} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
  # before 1.0 a minor version may change the interface
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/lib/weir-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/lib/weir-config.cmake ${CMAKE_BINARY_DIR}/lib/weir-config-version.cmake
          DESTINATION ${WEIR_CMAKE_DIR} COMPONENT development)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/sdk/include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT development FILES_MATCHING PATTERN "*.h")
endfunction()
