/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sends: the resource attributes of this process, as OpenTelemetry names them. What the settings say comes first;
 * weir adds what they leave open. Exporter thread.
 */
#ifndef WEIR_SDK_EXPORT_RESOURCE_H
#define WEIR_SDK_EXPORT_RESOURCE_H

#include "sdk/core/settings.h"
#include "sdk/export/batch_builder.h"

/* A new service.instance.id (a random UUID) and this machine's name; once a process, and again after a fork. */
void resource_identify(char instance_id[37], char host_name[256]);

/* Into an empty batch. False: no memory. */
bool resource_add(struct builder *builder, const struct settings *settings, const char *instance_id,
                  const char *host_name);

#endif
