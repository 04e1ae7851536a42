/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLSTATEs that live as long as the process, as error.type asks for: a result's own dies with it. Each is
 * kept once; past SQLSTATE_MAX different ones (Postgres has some 260, functions can raise any) it is
 * "_OTHER". Any thread.
 */
#ifndef WEIR_LIBPQ_SQLSTATE_H
#define WEIR_LIBPQ_SQLSTATE_H

#define SQLSTATE_MAX 512

const char *sqlstate_keep(const char *sqlstate);

#endif
