/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real HTTP server on a free port for tests of clients: it answers by the path, and tells what it was asked.
 *
 *     /echo        what was sent: "METHOD\nname: value\n…\n\nbody", headers in order
 *     /stock/{id}  {"id":N,"stock":7}
 *     /status/{n}  that status, and "{}"
 *     /large/{n}   n bytes
 *     /token/{n}…  {"token":"…"}: 20 characters that no one would guess
 *     /meet/{n}    {}, when n requests have come for it that are not answered
 *     /hold        {}, once http_server_release has been called
 */
#ifndef WEIR_TESTS_EXAMPLES_HTTP_SERVER_H
#define WEIR_TESTS_EXAMPLES_HTTP_SERVER_H

struct http_server;

struct http_server *http_server_start(void);
void http_server_stop(struct http_server *server);
void http_server_release(struct http_server *server);
const char *http_server_url(const struct http_server *server); /* http://127.0.0.1:PORT */

#endif
