/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several BGP speakers in one process over virtual TCP, under a virtual clock. Segments arrive in order,
 * after delays and in cuts that the seed chooses; links can be cut (nothing arrives any more, silently) or
 * reset. Each node keeps what its core told: the routes, the states, End-of-RIB, reports.
 *
 * A node may also be played by the test itself (a raw node): it takes bytes and the test writes bytes.
 */
#ifndef CW_TESTS_SUPPORT_BGP_NET_H
#define CW_TESTS_SUPPORT_BGP_NET_H

#include "base/list.h"
#include "base/ptrie.h"
#include "bgp/bgp.h"

#define BNET_NODES   8
#define BNET_ADDRS   4
#define BNET_PEERS   64
#define BNET_RAW_MAX (1 << 20)

struct bnet_peer { /* what a node knows of one of its peers, by id */
	enum bgp_state state;
	unsigned established, falls;
	struct reason why; /* of the last fall */
	unsigned eor[2];
	unsigned reports;
	struct reason report; /* the last one */
};

struct bnet_node {
	const char *name;
	struct bgp *bgp; /* NULL: played by the test */
	struct addr addr[BNET_ADDRS];
	unsigned n_addr;
	struct ptrie *routes; /* prefix to struct bgp_action, as last told; gone ones removed */
	uint64_t route_actions, updates_out, connects;
	uint64_t last_action;
	struct bnet_peer peer[BNET_PEERS];
	/* a raw node's side */
	uint64_t raw_conn; /* the last connection; 0: none */
	uint8_t *raw_in;   /* everything received on it */
	size_t raw_len;
	bool raw_closed;
	bool stalled; /* reads nothing from its connections */
	mdur slice;   /* a slow machine: what a timer call takes that leaves work over; nothing arrives
	                 meanwhile */
	mtime busy_until;
};

struct bnet {
	mtime now;
	uint32_t seed;
	struct bnet_node node[BNET_NODES];
	unsigned n_nodes;
	struct list conns, events;
	uint64_t next_raw;
	size_t window;                         /* bytes in flight on a connection */
	unsigned delay_ms;                     /* at most, each way */
	size_t cut;                            /* longest piece delivered at once; 0: as sent */
	bool dark[BNET_NODES][BNET_NODES];     /* the link is cut */
	size_t breaks[BNET_NODES][BNET_NODES]; /* one more than the octets it still carries; 0: no end set */
};

struct bnet *bnet_new(uint32_t seed);
void bnet_free(struct bnet *net);
struct rng bnet_rng(struct bnet *net);
/* as 0: a raw node. addrs: text, separated by blanks. */
struct bnet_node *bnet_add(
    struct bnet *net, const char *name, const char *addrs, uint32_t as, const char *router_id);
unsigned bnet_index(const struct bnet *net, const struct bnet_node *n);

/* Runs until `until`, or (bnet_until) till the condition holds; false when the time ran out first. */
void bnet_run(struct bnet *net, mdur span);
bool bnet_until(struct bnet *net, mdur limit, bool (*done)(struct bnet *net, void *arg), void *arg);
bool bnet_until_state(struct bnet *net, mdur limit, struct bnet_node *n, uint32_t peer, enum bgp_state state);
/* Nothing is in flight and no core has work that is due. */
bool bnet_settle(struct bnet *net, mdur limit);
void bnet_pump(struct bnet *net, struct bnet_node *n);
void bnet_dark(struct bnet *net, struct bnet_node *a, struct bnet_node *b, bool dark);
bool bnet_is_dark(const struct bnet *net, const struct bnet_node *a, const struct bnet_node *b);
/* Open at both ends. */
unsigned bnet_connections(const struct bnet *net, const struct bnet_node *a, const struct bnet_node *b);
/* A timer call that nobody waits for, and so much room on each of its connections. */
void bnet_spurious(struct bnet *net, struct bnet_node *n, size_t room);
/* Every connection between the two breaks with an error on both sides. */
void bnet_reset(struct bnet *net, struct bnet_node *a, struct bnet_node *b);
/* The same once so many more octets have arrived at either of them: in the middle of a message, or between
 * two. */
void bnet_break_after(struct bnet *net, struct bnet_node *a, struct bnet_node *b, size_t octets);
void bnet_stall(struct bnet *net, struct bnet_node *n, bool stalled);

/* A raw node acts: connect, write, close. */
void bnet_raw_connect(struct bnet *net, struct bnet_node *n, const char *local, const char *remote);
void bnet_raw_write(struct bnet *net, struct bnet_node *n, const void *data, size_t len);
void bnet_raw_close(struct bnet *net, struct bnet_node *n);

/* --- shorthand for tests --- */
struct addr bnet_addr(const char *text);
struct prefix bnet_prefix(const char *text);
struct bgp_peer_config bnet_peer_config(
    const char *name, enum bgp_kind kind, const char *local, const char *remote, uint32_t peer_as);
void bnet_peer_add(struct bnet_node *n, uint32_t id, const struct bgp_peer_config *c);
void bnet_peer_start(struct bnet *net, struct bnet_node *n, uint32_t id);
void bnet_announce(struct bnet *net, struct bnet_node *n, const char *prefix);
void bnet_unannounce(struct bnet *net, struct bnet_node *n, const char *prefix);
/* The ways of a prefix as last told, NULL when there are none. */
const struct bgp_action *bnet_route(const struct bnet_node *n, const char *prefix);
/* The first row of a RIB for this prefix; false when there is none. peer 0: any. */
bool bnet_row(const struct bnet_node *n, enum bgp_rib rib, const char *prefix, uint32_t peer,
    struct bgp_route_view *ret_view);
size_t bnet_count(const struct bnet_node *n, enum bgp_rib rib, uint32_t peer);
struct bgp_peer_view bnet_view(const struct bnet_node *n, uint32_t peer);

#endif
