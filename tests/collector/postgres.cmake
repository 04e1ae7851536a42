# The private Postgres, as real processes.
add_executable(postgres_host postgres_host.c)
target_link_libraries(postgres_host PRIVATE weir_postgres)
set_target_properties(postgres_host PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME postgres_test COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/postgres_test.py $<TARGET_FILE:postgres_host>)
set_tests_properties(postgres_test PROPERTIES TIMEOUT 300)
