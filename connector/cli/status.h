/* SPDX-License-Identifier: Apache-2.0 */
/* The status resource: fetching, judging and showing it; shared by `status`, its --watch, and what waits on
 * tunnels. */
#ifndef CW_CLI_STATUS_H
#define CW_CLI_STATUS_H

#include "connector/cli/cli.h"
#include "connector/cli/table.h"

#include <jansson.h>

enum cli_exit status_fetch(struct cli *cli, json_t **ret_status, struct reason *ret_reason);
void status_show(FILE *out, const struct term *term, const json_t *status);
/* True when each site that has a tunnel with admin up is "ok". */
bool status_is_ok(const json_t *status);
/* `status --watch`, until SIGINT or SIGTERM. */
int status_watch(struct cli *cli);

/* The ladder, for people. */
enum table_colour step_colour(const char *step, bool admin_up);
/* What a tunnel on this step waits for; "" at the top. Used where the daemon doesn't say it better. */
const char *step_awaits(const char *step);
/* "text (id)" of an error object into buf; false when obj is null. */
bool reason_of(const json_t *obj, char *buf, size_t cap);
/* Of a weak-algorithm list, a warning into buf; false when the list is empty or absent. */
bool weak_text(const json_t *list, char *buf, size_t cap);

#endif
