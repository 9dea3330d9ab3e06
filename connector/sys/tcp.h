/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP for BGP: listeners and connections on the event loop, with a bounded-by-credit send queue. A connection
 * belongs to its creator; callbacks run on the loop's thread; tcp_conn_free is legal inside of them.
 */
#ifndef CW_SYS_TCP_H
#define CW_SYS_TCP_H

#include "base/addr.h"
#include "base/reason.h"
#include "connector/sys/domain.h"
#include "connector/sys/loop.h"
#include "connector/sys/tcp_options.h"

#include <stddef.h>

struct tcp_conn;
struct tcp_listener;

struct tcp_conn_events {
	void (*opened)(void *ctx, const struct endpoint *local); /* of a connect */
	void (*input)(void *ctx, const uint8_t *data, size_t len);
	/* Closed by the peer (error NULL) or failed; also a connect that did not succeed. The owner frees the
	 * connection in here. */
	void (*closed)(void *ctx, const char *error);
	/* The queue has drained below half: room for this many bytes. */
	void (*writable)(void *ctx, size_t room);
};

/*
 * Starts to connect from local (its port 0) to remote; options NULL: none. NULL with a reason when it fails
 * at once, for instance because the local address is not on the machine.
 */
struct tcp_conn *tcp_connect(struct loop *l, const struct sys_domain *domain, const struct endpoint *local,
    const struct endpoint *remote, const struct tcp_options *options, const struct tcp_conn_events *ev,
    void *ctx, struct reason *ret_reason);
/* Takes over an accepted descriptor; options NULL: none. NULL, and the descriptor is still the caller's, with
 * a reason. */
struct tcp_conn *tcp_adopt(struct loop *l, int fd, const struct tcp_options *options,
    const struct tcp_conn_events *ev, void *ctx, struct reason *ret_reason);
/* Others from now on: a password that changes on both sides within the hold time costs no session. */
int tcp_conn_options(struct tcp_conn *c, const struct tcp_options *options, struct reason *ret_reason);
/* Reads what lies there now, by `input`, and `closed` where it ends. */
void tcp_conn_read(struct tcp_conn *c);
/*
 * Holds the connection to one interface from now on: what it still has to send when the routes change never
 * leaves by another. -1 with errno.
 */
int tcp_conn_bind(struct tcp_conn *c, const char *interface);
/* Its two ends; what can't be told is left as it is. */
void tcp_conn_ends(const struct tcp_conn *c, struct endpoint *ret_local, struct endpoint *ret_remote);
/* Bytes that wait: of the peer's, not yet read; and of ours, not yet confirmed by it, in the kernel and here.
 */
void tcp_conn_queues(const struct tcp_conn *c, size_t *ret_in, size_t *ret_out);
/* Queues all of it; -1 when the queue's hard limit (4 MiB) is passed or the connection has failed. */
int tcp_send(struct tcp_conn *c, const uint8_t *data, size_t len);
/* Writes what it can of the queue without waiting, then closes. */
void tcp_conn_free(struct tcp_conn *c);

/*
 * accepted receives the descriptor (non-blocking) and owns it. Binds with IP_FREEBIND, so an address that
 * comes up later works. NULL with a reason ("socket-in-use" when another program listens there).
 */
struct tcp_listener *tcp_listen(struct loop *l, const struct sys_domain *domain, const struct endpoint *local,
    void (*accepted)(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote),
    void *ctx, struct reason *ret_reason);
/* One peer's key, and hop limits for all (the answer to a SYN is sent before a peer is known). */
int tcp_listener_password(struct tcp_listener *t, const struct addr *remote, const struct secret *password,
    struct reason *ret_reason);
int tcp_listener_hops(
    struct tcp_listener *t, uint8_t family, uint8_t ttl, uint8_t min_ttl, struct reason *ret_reason);
void tcp_listener_free(struct tcp_listener *t);

#endif
