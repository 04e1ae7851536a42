# The HTTP side and the weir program. The units link only the files under test; the rest drives real processes.
weir_unit_test(serve_query_test
               SOURCES serve_query_test.c ${CMAKE_SOURCE_DIR}/collector/serve/query.c LIBRARIES weir_base)
weir_unit_test(serve_address_test
               SOURCES serve_address_test.c ${CMAKE_SOURCE_DIR}/collector/serve/address.c LIBRARIES weir_base)

add_executable(serve_traffic serve_traffic.c)
target_link_libraries(serve_traffic PRIVATE weir)
set_target_properties(serve_traffic PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
foreach(test IN ITEMS serve_http_test weir_cli_test weir_demo_test)
  add_test(NAME ${test} COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/${test}.py)
  set_tests_properties(${test} PROPERTIES TIMEOUT 300 ENVIRONMENT
                       "WEIR_BIN=${CMAKE_BINARY_DIR}/bin;WEIR_TRAFFIC=$<TARGET_FILE:serve_traffic>")
endforeach()
set_tests_properties(serve_http_test PROPERTIES LABELS threads)
set_tests_properties(weir_demo_test PROPERTIES TIMEOUT 900 RUN_SERIAL TRUE LABELS measures) # nothing beside it
if(WEIR_SANITIZE)
  set_property(TEST weir_demo_test APPEND PROPERTY ENVIRONMENT WEIR_DEMO_WITHOUT_LOAD=1)
endif()
