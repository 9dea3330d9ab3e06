/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A management API over a real Unix socket with a made-up daemon behind it, and a client. Both share one
 * thread: the client's descriptor is non-blocking and each turn runs the server's loop once, so nothing
 * depends on time.
 */
#ifndef CW_TESTS_API_RIG_H
#define CW_TESTS_API_RIG_H

#include "connector/mgmt/api.h"

#include <jansson.h>

#include <stddef.h>

#define API_RIG_ROUTES  100000
#define API_RIG_TUNNELS 19 /* more than two pages */
#define API_STATE       "/restconf/data/causeway:state/"

struct event_base;

struct api_fake {                    /* the made-up daemon: what it was asked, and what it answers */
	size_t opened, closed, made; /* walks; rows of the last one */
	size_t routes;               /* that a walk finds */
	enum api_tunnel_op last_op;
	char last_name[64];
	struct api_bgp_op last_bgp;
	struct api_route_query last_query;
	struct reason log_line;
	/* the monitor: one subscriber at a time, as many events as the test says have happened */
	struct api_monitor_query monitor;
	bool listening;
	uint64_t events, events_read, events_lost;
	/* the dump: so many bytes, of which a piece gives few, and every third none */
	size_t dump_bytes;
	unsigned dump_pieces;
};
extern const struct api_ops api_fake_ops;

struct api_rig {
	struct api_fake f;
	struct event_base *base;
	struct api_server *server;
	char dir[64], path[100];
};
/* cmocka's; *state: a struct api_rig. All walks are closed by the end. */
int api_rig_set_up(void **state);
int api_rig_tear_down(void **state);
extern const struct logger api_rig_logger; /* keeps quiet */

struct api_client {
	int fd;
	char *in;
	size_t n_in, cap_in;
	const char *out;
	size_t n_out;
	bool eof;
};
void api_client_open(struct api_rig *r, struct api_client *c, const char *request, size_t len);
void api_client_write(struct api_client *c);
void api_client_read(struct api_client *c); /* what is there, to c->in, which ends with a NUL */
void api_client_run(struct api_rig *r, struct api_client *c); /* until the server closes */
void api_client_close(struct api_client *c);

/* Joins the chunks of a chunked body in place; its length. */
size_t api_dechunk(char *body);
/* Sends a request, returns its status; *ret_body (may be NULL) is the parsed JSON body or NULL. */
int api_ask_raw(struct api_rig *r, const char *request, size_t len, json_t **ret_body);
int api_ask(struct api_rig *r, const char *method, const char *path, const char *body, json_t **ret_body);
void api_expect_error(struct api_rig *r, const char *method, const char *path, const char *body, int status,
    const char *tag, const char *id);
/* The one member of the answer. Owned. */
json_t *api_get(struct api_rig *r, const char *path, const char *member);

#endif
