# Ingest over real sockets. The store is the test's own (ingest_store.c), so that it can block and refuse at will.
weir_unit_test(ingest_test SOURCES ingest_test.c ingest_peer.c ingest_store.c LIBRARIES weir_ingest nng::nng)
weir_unit_test(frame_reader_test SOURCES frame_reader_test.c LIBRARIES weir_ingest)
