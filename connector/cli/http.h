/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over the daemon's Unix socket (connector/mgmt/api.h has the resources). One request at a time; bodies
 * are handed on as they arrive. What went wrong comes back as an exit code of the contract and a reason that
 * says what to check.
 */
#ifndef CW_CLI_HTTP_H
#define CW_CLI_HTTP_H

#include "base/reason.h"
#include "connector/cli/cli.h"

#include <stddef.h>

#define HTTP_ERROR_BODY_MAX 65536

struct http;

/* Gets each piece of a successful answer's body; non-zero ends the transfer, and http_request returns
 * CLI_FAILED. */
typedef int (*http_sink)(void *ctx, const char *data, size_t len);

/* NULL without memory. socket is copied. */
struct http *http_new(const char *socket);
void http_free(struct http *h);

/* From now on no request outlasts this moment (CLOCK_MONOTONIC): it ends with CLI_TIMED_OUT. MTIME_NEVER: no
 * bound. */
void http_deadline(struct http *h, mtime deadline);
/*
 * body NULL: a GET; else a POST of that JSON. CLI_OK when a 2xx answer came in whole, else another code with
 * ret_reason. A sink that ended the transfer leaves ret_reason unset.
 */
enum cli_exit http_request(
    struct http *h, const char *path, const char *body, http_sink sink, void *ctx, struct reason *ret_reason);

/* Percent-encodes for a path or a query (RFC 3986); NULL when ret (of cap bytes) is too small. */
const char *http_escape(const char *s, char *ret, size_t cap);

#endif
