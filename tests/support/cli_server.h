/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A management API with canned answers (connector/mgmt/api.h's resources), in a process of its own, for tests
 * of the command line. What it answers follows from the mode and from the names asked for.
 */
#ifndef CW_TESTS_CLI_SERVER_H
#define CW_TESTS_CLI_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

enum cli_server_mode {
	CLI_SERVER_OK,       /* one site, one tunnel, all well */
	CLI_SERVER_DEGRADED, /* one site ok, one not, with an error full of control characters */
	CLI_SERVER_ADMIN,    /* the site that isn't ok has been taken down by an admin */
	CLI_SERVER_EMPTY,    /* nothing configured */
	CLI_SERVER_CHANGING, /* each status is a step further */
	CLI_SERVER_FOREIGN,  /* answers HTML */
	CLI_SERVER_CUT,      /* closes the connection in the middle of each body */
	CLI_SERVER_SILENT,   /* takes connections and never answers */
	CLI_SERVER_MANY,     /* as OK, with CLI_SERVER_ROUTES routes */
};

#define CLI_SERVER_ROUTES 50000

/*
 * Tunnels, by name: "azure-hq/t1" (up at once, or one step with each question after tunnel-up; rekeys at the
 * third question), "stuck/t1" (never gets beyond connecting, has an error), "taken/t1" (an admin takes it
 * down while it comes up), "safe/t1" (each operation is refused by a safety rule); others do not exist.
 */
struct cli_server {
	pid_t pid;
	char dir[64], socket[96];
};

void cli_server_start(struct cli_server *s, enum cli_server_mode mode);
void cli_server_stop(struct cli_server *s);

#endif
