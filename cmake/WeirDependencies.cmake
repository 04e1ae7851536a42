# Third-party libraries, each found once and named here; docs/dependencies.md says why each is used.
find_package(PkgConfig REQUIRED)
foreach(dependency IN ITEMS libprotobuf-c libmicrohttpd jansson libpq libcurl zlib liblz4 libxxhash cmocka hiredis)
  string(MAKE_C_IDENTIFIER ${dependency} name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${dependency})
endforeach()
find_package(nng REQUIRED CONFIG)
find_program(PROTOC_C protoc-c REQUIRED)
find_program(PYTHON3 python3 REQUIRED)
