/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

const char *json_type_word(enum operation_type type)
{
    static const char *const words[] = {
#define X(name, word) word,
        OPERATION_TYPES(X)
#undef X
    };
    return (unsigned)type < OPERATION_TYPE_COUNT ? words[type] : "unknown";
}

static json_t *operation(const struct finding_operation *from)
{
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(json_type_word(from->type)));
    json_object_set_new(object, "label", json_name(from->label));
    json_object_set_new(object, "system", json_name(from->system));
    json_object_set_new(object, "text", json_name(from->text));
    json_object_set_new(object, "count", json_integer(from->count));
    json_object_set_new(object, "cost_ms", json_ms(from->cost_ns));
    return object;
}

static json_t *operations(const struct finding *finding)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < finding->operation_count; i++)
        json_array_append_new(array, operation(&finding->operations[i]));
    return array;
}

static json_t *evidence(const struct finding *finding)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        const struct evidence *seen = &finding->evidence[i];
        json_t *object = json_object();
        json_object_set_new(object, "fact", json_string(evidence_name(seen->fact)));
        json_object_set_new(object, "seen", json_count(seen->seen));
        json_object_set_new(object, "of", json_count(seen->of));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *trace_ids(const struct finding *finding)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < finding->trace_count && i < FINDING_TRACES_MAX; i++)
        json_array_append_new(array, json_trace_id(finding->trace_ids[i]));
    return array;
}

static json_t *finding_object(const struct finding *finding)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(finding_kind_name(finding->kind)));
    json_object_set_new(object, "endpoint", json_name(finding->endpoint));
    json_object_set_new(object, "service", json_name(finding->service));
    json_object_set_new(object, "version", json_name(finding->service_version));
    json_object_set_new(object, "operations", operations(finding));
    json_object_set_new(object, "source", finding->has_source ? operation(&finding->source) : json_null());
    json_object_set_new(object, "count", json_integer(finding->count));
    json_object_set_new(object, "requests", json_count(finding->requests));
    json_object_set_new(object, "requests_seen", json_count(finding->requests_seen));
    json_object_set_new(object, "recorded",
                        json_count(finding->recorded ? finding->recorded : finding->requests));
    json_object_set_new(object, "request_ms", json_ms(finding->request_ns));
    json_object_set_new(object, "cost_ms", json_ms(finding->cost_ns));
    json_object_set_new(object, "repaired_ms", json_ms(finding->repaired_ns));
    json_object_set_new(object, "saving_ms", json_ms(finding->saving_ns));
    json_object_set_new(object, "confidence", json_string(confidence_name(finding->confidence)));
    json_object_set_new(object, "evidence", evidence(finding));
    json_object_set_new(object, "advice", json_name(finding->advice));
    json_object_set_new(object, "call_site", json_call_site(&finding->site));
    json_object_set_new(object, "trace_ids", trace_ids(finding));
    return object;
}

json_t *json_finding_array(const struct finding *findings, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) json_array_append_new(array, finding_object(&findings[i]));
    return array;
}

void json_findings(struct buffer *out, const struct finding *findings, uint32_t count)
{
    json_t *document = json_object();
    json_object_set_new(document, "findings", json_finding_array(findings, count));
    json_write(out, document);
}
