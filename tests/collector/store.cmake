# The store's tests, each against a throwaway Postgres of its own (tests/support/postgres.py).
function(weir_store_test name)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/collector/${name}.c
                         ${CMAKE_SOURCE_DIR}/tests/collector/store_support.c)
  target_link_libraries(${name} PRIVATE weir_store ${ARGN} PkgConfig::libpq PkgConfig::cmocka)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name}
           COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/support/postgres.py -- $<TARGET_FILE:${name}>)
  set_tests_properties(${name} PROPERTIES TIMEOUT 180)
endfunction()

weir_store_test(store_write_test)
weir_store_test(store_group_test)
weir_store_test(store_forget_test)
weir_store_test(store_migrate_test)
weir_store_test(store_fragment_test proto_samples)
target_compile_definitions(store_fragment_test PRIVATE VECTORS_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors")
weir_store_test(store_claim_test)
weir_store_test(store_sampling_test m)
weir_store_test(store_reader_test)
weir_store_test(store_analyser_test weir_analyser)
set_tests_properties(store_analyser_test PROPERTIES LABELS threads)

# The corpus of fuzz/store, played without libFuzzer.
add_executable(fragment_fuzz_replay ${CMAKE_SOURCE_DIR}/fuzz/replay_main.c ${CMAKE_SOURCE_DIR}/fuzz/store/fragment_fuzz.c)
target_link_libraries(fragment_fuzz_replay PRIVATE weir_store)
set_target_properties(fragment_fuzz_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME fragment_fuzz_replay COMMAND fragment_fuzz_replay ${CMAKE_SOURCE_DIR}/fuzz/store/corpus/fragment_fuzz)
