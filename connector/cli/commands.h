/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of commands, and the functions behind it (one file a group). */
#ifndef CW_CLI_COMMANDS_H
#define CW_CLI_COMMANDS_H

#include "connector/cli/args.h"
#include "connector/cli/cli.h"

/* Ends with a NULL name. Commands of one group stand together. */
extern const struct cli_command cli_commands[];

/* Help: of the program, of a group (command NULL), of a command. */
void help_program(FILE *out);
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct cli_command *c);

int cmd_status(struct cli *cli, const struct args *args);
int cmd_tunnel_list(struct cli *cli, const struct args *args);
int cmd_tunnel_show(struct cli *cli, const struct args *args);
int cmd_tunnel_up(struct cli *cli, const struct args *args);
int cmd_tunnel_down(struct cli *cli, const struct args *args);
int cmd_tunnel_rekey(struct cli *cli, const struct args *args);
int cmd_bgp_summary(struct cli *cli, const struct args *args);
int cmd_bgp_peer(struct cli *cli, const struct args *args);
int cmd_bgp_why(struct cli *cli, const struct args *args); /* bgp routes PREFIX --why */
int cmd_bgp_routes(struct cli *cli, const struct args *args);
int cmd_bgp_monitor(struct cli *cli, const struct args *args);
int cmd_bgp_dump(struct cli *cli, const struct args *args);
int cmd_bgp_announce(struct cli *cli, const struct args *args);
int cmd_bgp_withdraw(struct cli *cli, const struct args *args);
int cmd_bgp_refresh(struct cli *cli, const struct args *args);
int cmd_bgp_up(struct cli *cli, const struct args *args);
int cmd_bgp_down(struct cli *cli, const struct args *args);
int cmd_fib_show(struct cli *cli, const struct args *args);
int cmd_explain(struct cli *cli, const struct args *args);
int cmd_profile_list(struct cli *cli, const struct args *args);
int cmd_profile_show(struct cli *cli, const struct args *args);
int cmd_config_check(struct cli *cli, const struct args *args);
int cmd_config_show(struct cli *cli, const struct args *args);

#endif
