/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the daemon. Answers of a size that follows the configuration (sites, tunnels, peers) are parsed
 * whole; routes, of which there may be a million, pass through json_stream and never stand in memory
 * together.
 */
#include "connector/cli/fetch.h"

#include "connector/cli/http.h"
#include "connector/cli/json_stream.h"
#include "connector/cli/text.h"

#include <stdlib.h>
#include <string.h>

struct whole {
	char *data;
	size_t len, cap;
};

static int whole_feed(void *ctx, const char *data, size_t len)
{
	struct whole *w = ctx;

	if (len > FETCH_WHOLE_MAX - w->len)
		return -1;
	if (w->len + len > w->cap) {
		size_t cap = (w->len + len) * 2;
		char *p = realloc(w->data, cap);

		if (!p)
			return -1;
		w->data = p;
		w->cap = cap;
	}
	memcpy(w->data + w->len, data, len);
	w->len += len;
	return 0;
}

static struct http *http_of(struct cli *cli)
{
	if (!cli->http)
		cli->http = http_new(cli->socket);
	http_deadline(cli->http, cli->deadline);
	return cli->http;
}

static enum cli_exit not_ours(const struct cli *cli, struct reason *ret_reason)
{
	reason_set(ret_reason, "answer-not-understood",
	    "what answered at %s did not answer like causewayd: is this its socket, and is it of this "
	    "program's version?",
	    cli->socket);
	return CLI_FAILED;
}

enum cli_exit fetch_json(
    struct cli *cli, const char *path, const char *member, json_t **ret_value, struct reason *ret_reason)
{
	struct whole w = { 0 };
	enum cli_exit rc = http_request(http_of(cli), path, NULL, whole_feed, &w, ret_reason);

	if (rc == CLI_OK) {
		json_t *doc = json_loadb(w.data ? w.data : "", w.len, 0, NULL);
		json_t *value = json_object_get(doc, member);

		if (json_is_object(value))
			*ret_value = json_incref(value);
		else
			rc = not_ours(cli, ret_reason);
		json_decref(doc);
	} else if (!reason_is_set(ret_reason)) { /* whole_feed ended it */
		reason_set(ret_reason, "answer-too-large",
		    "the answer to %s is larger than %u bytes, or memory is out", path, FETCH_WHOLE_MAX);
	}
	free(w.data);
	return rc;
}

/* One place for both streams: what the transfer said and what the reader said. */
static enum cli_exit stream_result(struct cli *cli, enum cli_exit rc, int read_rc, struct reason *why)
{
	if (rc != CLI_OK && reason_is_set(why))
		return (enum cli_exit)cli_fail(cli, rc, why);
	if (ferror(cli->out))
		return (enum cli_exit)cli_failf(cli, CLI_FAILED, "writing the output failed");
	if (rc != CLI_OK || read_rc < 0) {
		not_ours(cli, why);
		return (enum cli_exit)cli_fail(cli, CLI_FAILED, why);
	}
	return CLI_OK;
}

enum cli_exit fetch_print(struct cli *cli, const char *path, bool unwrap, unsigned flat_from)
{
	struct reason why = { 0 };
	struct json_print p;

	json_print_init(&p, cli->out, unwrap, flat_from);
	enum cli_exit rc = http_request(http_of(cli), path, NULL, json_print_feed, &p, &why);
	int end = json_print_end(&p);
	return stream_result(cli, rc, end, &why);
}

enum cli_exit fetch_write_json(struct cli *cli, const json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	struct json_print p;
	int r = -1;

	json_print_init(&p, cli->out, false, 0);
	if (text && json_print_feed(&p, text, strlen(text)) == 0)
		r = json_print_end(&p);
	free(text);
	return r < 0 ? (enum cli_exit)cli_failf(cli, CLI_FAILED, "writing the output failed") : CLI_OK;
}

enum cli_exit fetch_raw(
    struct cli *cli, const char *path, int (*feed)(void *ctx, const char *data, size_t len), void *ctx)
{
	struct reason why = { 0 };
	enum cli_exit rc = http_request(http_of(cli), path, NULL, feed, ctx, &why);

	return stream_result(cli, rc, 0, &why);
}

enum cli_exit fetch_each(struct cli *cli, const char *path, const char *name,
    int (*element)(void *ctx, const json_t *element), void *ctx)
{
	struct reason why = { 0 };
	struct json_split s;

	json_split_init(&s, name, element, ctx);
	enum cli_exit rc = http_request(http_of(cli), path, NULL, json_split_feed, &s, &why);
	int end = json_split_end(&s);
	json_split_clear(&s);
	return stream_result(cli, rc, end, &why);
}

enum cli_exit fetch_tunnel_op(
    struct cli *cli, const char *operation, const char *tunnel, struct reason *ret_reason)
{
	return fetch_operation(cli, operation, json_pack("{s:s}", "tunnel", tunnel), ret_reason);
}

enum cli_exit fetch_operation(
    struct cli *cli, const char *operation, json_t *members, struct reason *ret_reason)
{
	char path[128];
	json_t *input = members ? json_pack("{s:o}", "causeway:input", members) : NULL;
	char *body = input ? json_dumps(input, JSON_COMPACT) : NULL;
	enum cli_exit rc = CLI_USAGE;

	json_decref(input);
	if (!body) {
		reason_set(ret_reason, "tunnel-name", "an argument is not valid UTF-8");
		return rc;
	}
	snprintf(path, sizeof(path), API_OPERATIONS "%s", operation);
	rc = http_request(http_of(cli), path, body, NULL, NULL, ret_reason);
	free(body);
	return rc;
}

const char *get_str(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

/* RFC 7951 writes 64-bit numbers as strings; the contract writes numbers. Both are read. */
uint64_t get_u64(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	if (json_is_string(v))
		return strtoull(json_string_value(v), NULL, 10);
	return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

bool get_bool(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

uint64_t get_seconds_since(const json_t *obj, const char *key)
{
	time_t then, now = time(NULL);

	if (text_parse_time(get_str(obj, key), &then) < 0 || then > now)
		return 0;
	return (uint64_t)(now - then);
}
