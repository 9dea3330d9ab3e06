/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a tunnel, with its progress on stderr. */
#ifndef CW_CLI_WAIT_H
#define CW_CLI_WAIT_H

#include "connector/cli/cli.h"

#include <jansson.h>

struct args;

/* --wait, --no-wait and --timeout of a command: whether to wait, and how long. From then on no request
 * outlasts it. CLI_OK, or what was said. */
enum cli_exit wait_options(
    struct cli *cli, const struct args *args, bool wait_default, bool *ret_wait, mdur *ret_timeout);
mtime wait_now(void);

enum wait_goal { WAIT_UP, WAIT_DOWN, WAIT_REKEY, WAIT_REKEY_IKE };

/* The tunnel's state as the API has it (an element of `tunnels`), to be json_decref'ed. */
enum cli_exit tunnel_fetch(struct cli *cli, const char *name, json_t **ret_tunnel, struct reason *ret_reason);
/* rekeys: the count of child rekeys before (WAIT_REKEY; of IKE rekeys: WAIT_REKEY_IKE). CLI_OK,
 * CLI_TIMED_OUT, CLI_NOT_READY or what a request failed with; all said. */
enum cli_exit wait_tunnel(
    struct cli *cli, const char *name, enum wait_goal goal, mdur timeout, uint64_t rekeys);

#endif
