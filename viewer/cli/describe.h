/* SPDX-License-Identifier: Apache-2.0 */
/* What is made from the tables of commands and options besides --help: the manual page weir(1), and bash's
 * completion. */
#ifndef WEIR_CLI_DESCRIBE_H
#define WEIR_CLI_DESCRIBE_H

#include <stdio.h>

void describe_manual(FILE *out);
void describe_completion(FILE *out);

#endif
