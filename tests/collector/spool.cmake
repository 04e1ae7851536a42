weir_unit_test(spool_test SOURCES spool_test.c LIBRARIES weir_spool)

# The corpus of fuzz/spool, played without libFuzzer.
add_executable(segment_fuzz_replay ${CMAKE_SOURCE_DIR}/fuzz/replay_main.c
                                   ${CMAKE_SOURCE_DIR}/fuzz/spool/segment_fuzz.c)
target_link_libraries(segment_fuzz_replay PRIVATE weir_spool)
set_target_properties(segment_fuzz_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME segment_fuzz_replay
         COMMAND segment_fuzz_replay ${CMAKE_SOURCE_DIR}/fuzz/spool/corpus/segment_fuzz)
