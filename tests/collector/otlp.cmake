# OTLP and Zipkin: bodies to batches, without HTTP.
weir_unit_test(otlp_intake_test SOURCES otlp_intake_test.c LIBRARIES weir_otlp_in)
weir_unit_test(otlp_call_text_test SOURCES otlp_call_text_test.c LIBRARIES weir_otlp_in)
weir_unit_test(otlp_parts_test SOURCES otlp_parts_test.c LIBRARIES weir_otlp_in PkgConfig::zlib)

# The corpora of fuzz/otlp, played without libFuzzer.
foreach(target IN ITEMS otlp_protobuf_fuzz otlp_json_fuzz zipkin_json_fuzz)
  add_executable(${target}_replay ${CMAKE_SOURCE_DIR}/fuzz/replay_main.c ${CMAKE_SOURCE_DIR}/fuzz/otlp/${target}.c)
  target_link_libraries(${target}_replay PRIVATE weir_otlp_in)
  set_target_properties(${target}_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${target}_replay COMMAND ${target}_replay ${CMAKE_SOURCE_DIR}/fuzz/otlp/corpus/${target})
endforeach()
