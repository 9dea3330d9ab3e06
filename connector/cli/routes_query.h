/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `bgp routes` as a question to the daemon. */
#ifndef CW_CLI_ROUTES_QUERY_H
#define CW_CLI_ROUTES_QUERY_H

#include "connector/cli/args.h"
#include "connector/cli/cli.h"

/* Path and query of the resource; CLI_OK, or what was said. */
int routes_query(struct cli *cli, const struct args *args, char *path, size_t cap);

#endif
