# Ingest over real sockets. The store is the test's own (ingest_store.c), so that it can block and refuse at will.
weir_unit_test(ingest_test SOURCES ingest_test.c ingest_peer.c ingest_store.c LIBRARIES weir_ingest nng::nng)
weir_unit_test(ingest_tls_test SOURCES ingest_tls_test.c ingest_peer.c ingest_store.c LIBRARIES weir_ingest nng::nng)
set_tests_properties(ingest_test ingest_tls_test PROPERTIES LABELS threads)
weir_unit_test(frame_reader_test SOURCES frame_reader_test.c LIBRARIES weir_ingest)

# The corpus of fuzz/ingest, played without libFuzzer.
add_executable(frame_reader_fuzz_replay ${CMAKE_SOURCE_DIR}/fuzz/replay_main.c
                                        ${CMAKE_SOURCE_DIR}/fuzz/ingest/frame_reader_fuzz.c)
target_link_libraries(frame_reader_fuzz_replay PRIVATE weir_ingest)
set_target_properties(frame_reader_fuzz_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME frame_reader_fuzz_replay
         COMMAND frame_reader_fuzz_replay ${CMAKE_SOURCE_DIR}/fuzz/ingest/corpus/frame_reader_fuzz)
