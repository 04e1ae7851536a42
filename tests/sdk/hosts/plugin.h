/* SPDX-License-Identifier: Apache-2.0 */
/* What loading.c finds in plugin.c under the name traced_plugin. */
#ifndef WEIR_TESTS_SDK_HOSTS_PLUGIN_H
#define WEIR_TESTS_SDK_HOSTS_PLUGIN_H

struct plugin {
    void (*begin)(void), (*span)(void), (*end)(void);
};

extern const struct plugin traced_plugin __attribute__((visibility("default")));

#endif
