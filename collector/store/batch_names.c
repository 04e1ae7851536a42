/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/batch_names.h"

#include "collector/store/connection.h"
#include "collector/store/text.h"

static enum store_result resolve_operations(struct store *store, const struct batch *batch,
                                            struct str service, int32_t **ids)
{
    struct dictionary_name *names = arena_array(&store->scratch, batch->operation_count, sizeof *names);
    *ids = arena_array(&store->scratch, batch->operation_count, sizeof **ids);
    if (!names || !*ids) return store_refuse(store, "the batch takes more memory than is allowed");
    for (uint32_t i = 0; i < batch->operation_count; i++) {
        names[i].cells[0] = arena_printf(&store->scratch, "%u", batch->operation_type[i] & 0x7fff);
        names[i].cells[1] = batch_string(batch, batch->operation_system[i]);
        names[i].cells[2] = batch_string(batch, batch->operation_text[i]);
        names[i].service = service;
    }
    return dictionary_resolve(store, DICTIONARY_OPERATION, names, batch->operation_count, *ids);
}

static enum store_result resolve_sites(struct store *store, const struct batch *batch, struct str service,
                                       int32_t **ids)
{
    struct dictionary_name *names = arena_array(&store->scratch, batch->site_count, sizeof *names);
    *ids = arena_array(&store->scratch, batch->site_count, sizeof **ids);
    if (!names || !*ids) return store_refuse(store, "the batch takes more memory than is allowed");
    for (uint32_t i = 0; i < batch->site_count; i++) {
        names[i].cells[0] = batch_string(batch, batch->site_file[i]);
        names[i].cells[1] = batch_string(batch, batch->site_function[i]);
        names[i].cells[2] = arena_printf(&store->scratch, "%u", batch->site_line[i]);
        names[i].service = service;
    }
    return dictionary_resolve(store, DICTIONARY_SITE, names, batch->site_count, *ids);
}

static struct str resource_value(const struct batch *batch, const char *key)
{
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        if (str_is(batch_string(batch, batch->resource_key[i]), key)) {
            return batch_string(batch, batch->resource_value[i]);
        }
    }
    return str_of("");
}

/* All attributes as one JSON object; of a key that comes twice jsonb keeps the last. */
static struct str resource_json(struct store *store, const struct batch *batch)
{
    struct buffer *json = &store->statement;
    buffer_clear(json);
    buffer_add_char(json, '{', 1);
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        if (i) buffer_add_char(json, ',', 1);
        text_add_json(json, text_clean(&store->scratch, batch_string(batch, batch->resource_key[i]),
                                       TEXT_NAME_BYTES_MAX));
        buffer_add_char(json, ':', 1);
        text_add_json(json, text_clean(&store->scratch, batch_string(batch, batch->resource_value[i]),
                                       OPERATION_TEXT_MAX));
    }
    buffer_add_char(json, '}', 1);
    return buffer_str(json);
}

/* *service: whose names the batch's others are. */
static enum store_result resolve_resource(struct store *store, const struct batch *batch, int32_t *id,
                                          struct str *service)
{
    struct dictionary_name name = {
        .cells = {resource_value(batch, "service.name"), resource_value(batch, "service.version"),
                  resource_value(batch, "service.instance.id"), resource_json(store, batch)}};
    if (name.cells[0].len == 0) name.cells[0] = str_of("unknown_service");
    if (store->statement.failed) return store_refuse(store, "the resource takes more memory than is allowed");
    name.service = name.cells[0];
    enum store_result outcome = dictionary_resolve(store, DICTIONARY_RESOURCE, &name, 1, id);
    *service = dictionary_is_other_services(store, *id) ? dictionary_other_services() : name.service;
    return outcome;
}

enum store_result batch_names_resolve(struct store *store, const struct batch *batch,
                                      struct batch_names *names)
{
    struct str service;
    enum store_result outcome = resolve_resource(store, batch, &names->resource_id, &service);
    if (outcome == STORE_OK) outcome = resolve_operations(store, batch, service, &names->operation_ids);
    return outcome == STORE_OK ? resolve_sites(store, batch, service, &names->site_ids) : outcome;
}
