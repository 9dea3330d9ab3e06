/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three ways a command asks the daemon: whole and parsed, printed as JSON while it arrives, or element by
 * element. Each returns an exit code; what went wrong has been said on stderr already, unless a reason is
 * returned.
 */
#ifndef CW_CLI_FETCH_H
#define CW_CLI_FETCH_H

#include "connector/cli/cli.h"

#include <jansson.h>

#define API_DATA        "/restconf/data/"
#define API_STATE       API_DATA "causeway:state/"
#define API_OPERATIONS  "/restconf/operations/"
#define FETCH_WHOLE_MAX (64U << 20) /* bytes of an answer that is parsed at once */

/* member: "causeway:status"; *ret_value is what it holds, to be json_decref'ed. Says nothing on stderr. */
enum cli_exit fetch_json(
    struct cli *cli, const char *path, const char *member, json_t **ret_value, struct reason *ret_reason);
/* unwrap: without the outermost object. flat_from: see json_stream.h. */
enum cli_exit fetch_print(struct cli *cli, const char *path, bool unwrap, unsigned flat_from);
/* The body as it arrives. feed: non-zero ends it. */
enum cli_exit fetch_raw(
    struct cli *cli, const char *path, int (*feed)(void *ctx, const char *data, size_t len), void *ctx);
/* Elements of the array `name` inside the one member. */
enum cli_exit fetch_each(struct cli *cli, const char *path, const char *name,
    int (*element)(void *ctx, const json_t *element), void *ctx);
/* POST {"causeway:input":{"tunnel":NAME}}. */
enum cli_exit fetch_tunnel_op(
    struct cli *cli, const char *operation, const char *tunnel, struct reason *ret_reason);

/* POST {"causeway:input":MEMBERS}, whose reference is taken over; NULL: text that is no UTF-8. */
enum cli_exit fetch_operation(
    struct cli *cli, const char *operation, json_t *members, struct reason *ret_reason);

/* Writes a document that is at hand, as fetch_print writes what arrives. doc NULL: out of memory. */
enum cli_exit fetch_write_json(struct cli *cli, const json_t *doc);

/* Reading answers: what is missing or of another type is "" or 0. */
const char *get_str(const json_t *obj, const char *key);
uint64_t get_u64(const json_t *obj, const char *key);
bool get_bool(const json_t *obj, const char *key);
/* Seconds since the RFC 3339 time in key; 0 when there is none or the clock was set back. */
uint64_t get_seconds_since(const json_t *obj, const char *key);

#endif
