# The daemon: configuration and the order of starting; everything else is in the folders.
add_library(weir_collector_config STATIC config.c dsn.c)
target_link_libraries(weir_collector_config PUBLIC weir_base)
add_executable(weir-collector main.c descriptors.c notify.c)
target_compile_definitions(weir-collector PRIVATE WEIR_VERSION="${PROJECT_VERSION}")
target_link_libraries(weir-collector PRIVATE weir_collector_config weir_ingest weir_otlp_in weir_spool weir_postgres weir_serve weir_analyser
                                             weir_store)
weir_generate(weir-collector.8 weir-collector --man)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weir-collector.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CMAKE_SOURCE_DIR}/share/grafana/weir.json DESTINATION ${CMAKE_INSTALL_DATADIR}/weir/grafana)
install(FILES ${CMAKE_SOURCE_DIR}/share/systemd/weir-collector.service DESTINATION lib/systemd/system)
install(TARGETS weir-collector RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
