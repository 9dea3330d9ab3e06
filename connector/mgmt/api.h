/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management API: HTTP on a Unix socket (libevent's evhttp), RESTCONF-shaped. It owns the socket and the
 * wire format; what to answer it asks the daemon for through `struct api_ops`. Everything runs on the control
 * thread.
 *
 * Resources (JSON bodies; each is an object with one member named as the resource). Under
 * /restconf/data/causeway: by GET:
 *
 *   connector                the running configuration (instance data as loaded)
 *   state/status             {"causeway:status": {contract's `status`}}
 *   state/tunnels[=SITE%2FT] {"causeway:tunnels": {"tunnel":[...]}}
 *   state/explain[=SITE%2FT] {"causeway:explain": {"tunnel":[...]}}
 *   state/bgp                {"causeway:bgp": {contract's `bgp summary`}}
 *   state/peers[=NAME]       {"causeway:peers": {"peer":[... with details]}}
 *   state/announced=PREFIX   {"causeway:announced": {"prefix","announced","configured","peer":[...]}}
 *   state/routes             {"causeway:routes": {"route":[...]}}, chunked as it is made; parameters: view
 *                            (best, received, advertised, rejected), prefix, match (longer, exact),
 *                            covering, peer, community, as, origin-as, neighbour-as, count
 *   state/fib                {"causeway:fib": {"route":[...]}}, chunked
 *   state/mrt                what all peers have sent, as an MRT file (RFC 6396), chunked
 *   state/monitor            events without an end, an object a line; parameters: peer, prefix
 *
 * Under /restconf/operations/causeway: by POST, answered by 204:
 *
 *   tunnel-up, tunnel-down, tunnel-rekey, tunnel-rekey-ike  {"causeway:input":{"tunnel":"SITE/T"}}
 *   bgp-announce, bgp-withdraw  {"causeway:input":{"prefix":["10.0.0.0/16",...]}}
 *   bgp-refresh                 {"causeway:input":{"peer":NAME,"direction":"in|out|both"}}
 *   bgp-up, bgp-down            {"causeway:input":{"peer":NAME,"message":TEXT}} (message: down only)
 *
 * Errors are RFC 8040 bodies
 * {"ietf-restconf:errors":{"error":[{"error-type","error-tag","error-app-tag":reason id,
 * "error-message":reason text}]}}: 400 malformed-message/invalid-value, 404 data-missing, 405, 409 operation
 * refused by a safety rule (error-tag "operation-not-supported"), 413, 500 operation-failed. Headers are
 * capped at 16 KiB, bodies at 1 MiB.
 */
#ifndef CW_MGMT_API_H
#define CW_MGMT_API_H

#include "base/log.h"
#include "base/reason.h"
#include "connector/mgmt/view.h"

struct event_base;
struct api_server;

enum api_tunnel_op { API_TUNNEL_UP, API_TUNNEL_DOWN, API_TUNNEL_REKEY, API_TUNNEL_REKEY_IKE };
enum api_bgp_op_kind { API_BGP_ANNOUNCE, API_BGP_WITHDRAW, API_BGP_REFRESH, API_BGP_UP, API_BGP_DOWN };
#define API_PREFIXES_MAX 64  /* of one command */
#define API_MESSAGE_MAX  255 /* bytes of UTF-8 (RFC 9003) */
struct api_bgp_op {
	enum api_bgp_op_kind kind;
	struct prefix prefix[API_PREFIXES_MAX]; /* announce, withdraw: as written, maybe with host bits */
	unsigned n_prefix;
	char peer[VIEW_NAME_MAX];          /* of the others */
	bool in, out;                      /* refresh: ask for routes, tell ours again */
	char message[API_MESSAGE_MAX + 1]; /* down: for the peer's operator */
};
enum api_result { API_OK, API_NOT_FOUND, API_REFUSED, API_INVALID, API_FAILED };

struct api_route_query {
	char view[16];            /* "best" unless said */
	struct prefix within;     /* family 0: all */
	bool exact;               /* only that prefix, not what lies inside */
	struct addr covering;     /* family 0: no; only the longest prefix with this address */
	char peer[VIEW_NAME_MAX]; /* empty: all */
	char community[64];       /* as policy writes it; empty: whatever */
	bool have_as, have_origin_as, have_neighbour_as;
	uint32_t as, origin_as, neighbour_as;
	bool count; /* only how many */
};

struct api_monitor_query {
	char peer[VIEW_NAME_MAX]; /* empty: all */
	struct prefix within;     /* family 0: all; else only events of prefixes in it */
	void (*wake)(
	    void *wake_ctx); /* there are events; may be called at any time, and must only take note */
	void *wake_ctx;
};

struct api_ops {
	const char *(*config_json)(void *ctx);
	/* The views are freed by the server with the matching free function. */
	void (*status)(void *ctx, struct view_status *ret_status);
	void (*status_free)(struct view_status *status);
	/* Fills up to max rows, from row `start` on; returns how many. name NULL: all. */
	size_t (*tunnels)(void *ctx, size_t start, struct view_tunnel *out, size_t max);
	size_t (*explain)(void *ctx, size_t start, struct view_explain *out, size_t max); /* as tunnels */
	void (*bgp)(void *ctx, struct view_bgp *ret_bgp);
	size_t (*peers)(void *ctx, size_t start, struct view_bgp_peer *out, size_t max);
	/*
	 * Route walks, for streaming: open (NULL with *ret_result and reason when the peer or view is
	 * unknown), up to max rows a call (rows and their pointers hold until the next call; *ret_done: that
	 * was the end. A call looks at a bounded part of the tables, so it may find none before the end),
	 * close. Tables may change between calls. fib_next: 0 is the end.
	 */
	void *(*routes_open)(void *ctx, const struct api_route_query *q, enum api_result *ret_result,
	    struct reason *ret_reason);
	size_t (*routes_next)(void *walk, struct view_route *out, size_t max, bool *ret_done);
	void (*routes_close)(void *walk);
	void *(*fib_open)(void *ctx);
	size_t (*fib_next)(void *walk, struct view_fib_route *out, size_t max);
	void (*fib_close)(void *walk);
	enum api_result (*tunnel_op)(
	    void *ctx, enum api_tunnel_op op, const char *name, struct reason *ret_reason);
	/* A stream of events: open (NULL with a result and a reason), what has come since (*ret_lost: how
	 * many were too many), close. */
	void *(*monitor_open)(void *ctx, const struct api_monitor_query *q, enum api_result *ret_result,
	    struct reason *ret_reason);
	size_t (*monitor_next)(void *subscriber, struct view_event *out, size_t max, uint64_t *ret_lost);
	void (*monitor_close)(void *subscriber);
	/* Bytes of a file, piece by piece; *ret_done: these were the last. A piece may be empty. */
	void *(*dump_open)(void *ctx, enum api_result *ret_result, struct reason *ret_reason);
	size_t (*dump_next)(void *walk, uint8_t *out, size_t cap, bool *ret_done);
	void (*dump_close)(void *walk);
	enum api_result (*bgp_op)(void *ctx, const struct api_bgp_op *op, struct reason *ret_reason);
	/* Networks that commands announced or withdrew, as tunnels; and whom one network has been told to (to
	 * be freed with free). */
	size_t (*announced)(void *ctx, size_t start, struct view_announced *out, size_t max);
	enum api_result (*told)(
	    void *ctx, const struct prefix *p, struct view_told **ret_told, struct reason *ret_reason);
};

/*
 * Listens on path (mode 0660; a socket file that nobody answers on is replaced, one that somebody answers on
 * is refused with the reason "socket-in-use"). NULL with a reason. The program must ignore SIGPIPE: libevent
 * writes to clients that may be gone.
 */
struct api_server *api_server_new(struct event_base *base, const char *path, const struct api_ops *ops,
    void *ctx, const struct logger *log, struct reason *ret_reason);
/* Stops listening, ends streams, unlinks the socket. */
void api_server_free(struct api_server *s);

#endif
