# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=migrations.c -DMIGRATIONS=a.sql;b.sql -P embed_migrations.cmake
# Writes the SQL files as arrays of bytes (a string literal may not be that long) and a table of them, in order of number.
set(text "/* Made from the SQL files in collector/store/migrations. */\n#include \"collector/store/migrations.h\"\n\n")
set(rows "")
foreach(file IN LISTS MIGRATIONS)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX MATCH "^[0-9]+" digits ${name})
  math(EXPR number "1${digits} - 10000") # decimal in spite of leading zeros
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    " bytes "${bytes}")
  string(APPEND text "static const char sql_${number}[] = {\n    ${bytes}0};\n\n")
  string(APPEND rows "    {${number}, \"${name}\", sql_${number}},\n")
endforeach()
string(APPEND text "const struct migration migrations[] = {\n${rows}};\n")
string(APPEND text "const size_t migration_count = sizeof migrations / sizeof *migrations;\n")
file(WRITE ${OUTPUT} "${text}")
