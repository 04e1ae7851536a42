/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/resource.h"

#include "base/id.h"

#include <stdio.h>
#include <unistd.h>

void resource_identify(char instance_id[37], char host_name[256])
{
    unsigned char b[16];
    id_random_bytes(b, sizeof b);
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f)); /* RFC 9562: version 4 … */
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f)); /* … and variant */
    snprintf(instance_id, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    if (gethostname(host_name, 256) != 0) host_name[0] = 0;
    host_name[255] = 0;
}

static bool is_set(const struct settings *settings, const char *key)
{
    for (uint32_t i = 0; i < settings->resource_count; i++)
        if (str_is(settings->resource[i].key, key)) return true;
    return false;
}

static bool add(struct builder *builder, const struct settings *settings, const char *key, const char *value)
{
    return !*value || is_set(settings, key) || builder_resource(builder, str_of(key), str_of(value));
}

bool resource_add(struct builder *builder, const struct settings *settings, const char *instance_id,
                  const char *host_name)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    for (uint32_t i = 0; i < settings->resource_count; i++)
        if (!builder_resource(builder, settings->resource[i].key, settings->resource[i].value)) return false;
    return add(builder, settings, "service.instance.id", instance_id) &&
           add(builder, settings, "host.name", host_name) && add(builder, settings, "process.pid", pid) &&
           add(builder, settings, "telemetry.sdk.name", "weir") &&
           add(builder, settings, "telemetry.sdk.language", "c") &&
           add(builder, settings, "telemetry.sdk.version", WEIR_VERSION);
}
