# The daemon: what it shows of a connection string, and the whole of it as a process.
weir_unit_test(dsn_test SOURCES dsn_test.c LIBRARIES weir_collector_config)
add_test(NAME daemon_test COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/daemon_test.py $<TARGET_FILE:weir-collector>)
set_tests_properties(daemon_test PROPERTIES TIMEOUT 300 LABELS threads)
weir_unit_test(counters_test SOURCES counters_test.c LIBRARIES weir_collector_counters)
