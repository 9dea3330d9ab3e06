/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual TCP between BGP cores. An event is something that arrives at one end of a connection at a time: the
 * attempt to connect, its answer, bytes, room to send, the end. Order within a direction is kept by never
 * scheduling earlier than what went before. Misuse by a core (bytes on a closed connection, a second close)
 * fails the test.
 */
#include "tests/support/bgp_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum event_kind { EV_ARRIVE, EV_OPENED, EV_REFUSED, EV_DATA, EV_ROOM, EV_FIN, EV_RST };

struct side {
	struct bnet_node *node;
	uint64_t id; /* the core's; 0: not known */
	struct addr addr;
	bool open;        /* this end takes and gives */
	bool asked;       /* connecting */
	mtime last;       /* when the latest thing scheduled to this side arrives */
	size_t in_flight; /* sent by this side, not yet taken by the other */
};
struct conn {
	struct list node;
	struct side side[2]; /* 0 opened it */
	unsigned events;     /* that are still to arrive on it */
};
struct event {
	struct list node;
	mtime at;
	enum event_kind kind;
	struct conn *conn;
	unsigned to; /* side */
	uint8_t *data;
	size_t len;
};

static uint32_t next_random(struct bnet *net)
{
	net->seed = net->seed * 1664525u + 1013904223u;
	return net->seed >> 4;
}

static void fill_random(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)next_random(ctx);
}

struct rng bnet_rng(struct bnet *net)
{
	return (struct rng){ .fill = fill_random, .ctx = net };
}

struct bnet *bnet_new(uint32_t seed)
{
	struct bnet *net = calloc(1, sizeof(*net));

	assert_non_null(net);
	net->seed = seed * 2654435761u + 1;
	net->now = (mtime){ 1000000000 };
	net->window = 65536;
	net->delay_ms = 20;
	list_init(&net->conns);
	list_init(&net->events);
	return net;
}

unsigned bnet_index(const struct bnet *net, const struct bnet_node *n)
{
	return (unsigned)(n - net->node);
}

static void free_routes(struct bnet_node *n)
{
	struct prefix p;
	void *v;

	for (bool more = ptrie_first(n->routes, &p, &v); more; more = ptrie_after(n->routes, &p, &p, &v))
		free(v);
	ptrie_free(n->routes);
}

static void event_free(struct event *e)
{
	list_remove(&e->node);
	e->conn->events--;
	free(e->data);
	free(e);
}

/* Both ends have left it, and nothing is under way. */
static void conn_gc(struct conn *c)
{
	for (unsigned i = 0; i < 2; i++)
		if (c->side[i].open || c->side[i].asked)
			return;
	if (c->events)
		return;
	list_remove(&c->node);
	free(c);
}

void bnet_free(struct bnet *net)
{
	list_for_each (&net->events, struct event, e, node)
		event_free(e);
	list_for_each (&net->conns, struct conn, c, node)
		free(c);
	for (unsigned i = 0; i < net->n_nodes; i++) {
		bgp_free(net->node[i].bgp);
		free_routes(&net->node[i]);
		free(net->node[i].raw_in);
	}
	free(net);
}

struct bnet_node *bnet_add(
    struct bnet *net, const char *name, const char *addrs, uint32_t as, const char *router_id)
{
	struct bnet_node *n = &net->node[net->n_nodes++];
	struct rng rng = bnet_rng(net);
	struct addr id = router_id ? bnet_addr(router_id) : (struct addr){ 0 };
	struct bgp_config config = { .as = as, .router_id = addr_to_v4(&id), .multipath = 4 };
	char text[64];
	int used;

	assert_true(net->n_nodes <= BNET_NODES);
	n->name = name;
	for (const char *at = addrs; sscanf(at, "%63s%n", text, &used) == 1; at += used)
		n->addr[n->n_addr++] = bnet_addr(text);
	n->routes = ptrie_new();
	assert_non_null(n->routes);
	if (as) {
		n->bgp = bgp_new(&config, &rng);
		assert_non_null(n->bgp);
	} else {
		n->raw_in = malloc(BNET_RAW_MAX);
		assert_non_null(n->raw_in);
	}
	return n;
}

/* --- connections --- */
static struct conn *conn_of(struct bnet *net, const struct bnet_node *n, uint64_t id, unsigned *ret_side)
{
	list_for_each (&net->conns, struct conn, c, node)
		for (unsigned i = 0; i < 2; i++)
			if (c->side[i].node == n && c->side[i].id == id &&
			    (c->side[i].open || c->side[i].asked)) {
				*ret_side = i;
				return c;
			}
	return NULL;
}

static void schedule(
    struct bnet *net, struct conn *c, unsigned to, enum event_kind kind, const uint8_t *data, size_t len)
{
	struct event *e = calloc(1, sizeof(*e));
	struct list *at = &net->events;
	mtime when = mtime_add(net->now, mdur_ms(1 + (int64_t)(next_random(net) % (net->delay_ms + 1))));

	assert_non_null(e);
	e->at = mtime_max(when, c->side[to].last);
	c->side[to].last = e->at;
	e->kind = kind;
	e->conn = c;
	c->events++;
	e->to = to;
	e->len = len;
	if (len) {
		e->data = malloc(len);
		assert_non_null(e->data);
		memcpy(e->data, data, len);
	}
	while (at->prev != &net->events && list_entry(at->prev, struct event, node)->at.ns > e->at.ns)
		at = at->prev;
	list_insert_before(at, &e->node);
}

static struct conn *connect_to(
    struct bnet *net, struct bnet_node *n, uint64_t id, const struct addr *local, const struct addr *remote)
{
	struct conn *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->side[0] = (struct side){ .node = n, .id = id, .addr = *local, .asked = true };
	c->side[1].addr = *remote;
	for (unsigned i = 0; i < net->n_nodes; i++)
		for (unsigned k = 0; k < net->node[i].n_addr; k++)
			if (addr_eq(&net->node[i].addr[k], remote))
				c->side[1].node = &net->node[i];
	list_append(&net->conns, &c->node);
	if (c->side[1].node)
		schedule(net, c, 1, EV_ARRIVE, NULL, 0);
	else
		schedule(net, c, 0, EV_REFUSED, NULL, 0);
	return c;
}

static void send_bytes(struct bnet *net, struct conn *c, unsigned from, const uint8_t *data, size_t len)
{
	size_t done = 0;

	c->side[from].in_flight += len;
	while (done < len) {
		size_t n = len - done;

		if (net->cut && n > 1 + next_random(net) % net->cut)
			n = 1 + next_random(net) % (n < net->cut ? n : net->cut);
		schedule(net, c, !from, EV_DATA, &data[done], n);
		done += n;
	}
}

static void close_side(struct bnet *net, struct conn *c, unsigned side)
{
	c->side[side].open = c->side[side].asked = false;
	schedule(net, c, !side, EV_FIN, NULL, 0);
}

/* --- what a core asks for --- */
static void note_route(struct bnet_node *n, const struct bgp_action *a)
{
	struct bgp_action *had = ptrie_remove(n->routes, &a->route.prefix), *copy;

	n->route_actions++;
	free(had);
	if (!a->route.n)
		return;
	copy = malloc(sizeof(*copy));
	assert_non_null(copy);
	*copy = *a;
	assert_int_equal(ptrie_set(n->routes, &a->route.prefix, copy), 0);
}

static void note_state(struct bnet_node *n, const struct bgp_action *a)
{
	struct bnet_peer *p = &n->peer[a->peer];

	if (getenv("BNET_TRACE"))
		fprintf(stderr, "%s: peer %u %s %s\n", n->name, a->peer, bgp_state_name(a->state.state),
		    a->state.why.text);
	if (a->state.state == BGP_ESTABLISHED)
		p->established++;
	if (p->state == BGP_ESTABLISHED)
		p->falls++;
	p->state = a->state.state;
	if (reason_is_set(&a->state.why))
		p->why = a->state.why;
}

/* What has arrived, though the node is stalled. */
static void read_now(struct bnet *net, struct bnet_node *n, uint64_t id)
{
	unsigned side = 0;
	struct conn *c = conn_of(net, n, id, &side);

	list_for_each (&net->events, struct event, e, node) {
		if (!c || e->conn != c || e->to != side || e->kind != EV_DATA || e->at.ns > net->now.ns ||
		    net->dark[bnet_index(net, n)][bnet_index(net, c->side[!side].node)])
			continue;
		bgp_conn_input(n->bgp, id, e->data, e->len, net->now);
		c->side[!side].in_flight -= e->len;
		event_free(e);
	}
}

static void execute(struct bnet *net, struct bnet_node *n, const struct bgp_action *a)
{
	struct conn *c;
	unsigned side = 0;

	assert_true(a->id > n->last_action);
	n->last_action = a->id;
	switch (a->kind) {
	case BGP_ACT_CONNECT:
		n->connects++;
		connect_to(net, n, a->connect.conn, &a->connect.local, &a->connect.remote);
		break;
	case BGP_ACT_SEND:
		c = conn_of(net, n, a->send.conn, &side);
		assert_true(!c || c->side[side].open);
		assert_true(a->send.len >= 19 && a->send.len <= 65535);
		if (a->send.data[18] == 2)
			n->updates_out++;
		if (c)
			send_bytes(net, c, side, a->send.data, a->send.len);
		break;
	case BGP_ACT_CLOSE:
		c = conn_of(net, n, a->close_conn, &side);
		if (c)
			close_side(net, c, side);
		break;
	case BGP_ACT_READ:
		read_now(net, n, a->read_conn);
		bgp_conn_read_done(n->bgp, a->read_conn, net->now);
		break;
	case BGP_ACT_ROUTE: note_route(n, a); break;
	case BGP_ACT_STATE: note_state(n, a); break;
	case BGP_ACT_EOR: n->peer[a->peer].eor[a->eor.ipv6]++; break;
	case BGP_ACT_MESSAGE: break;
	case BGP_ACT_REPORT:
		n->peer[a->peer].reports++;
		n->peer[a->peer].report = a->report.why;
		if (getenv("BNET_TRACE"))
			fprintf(stderr, "%s: report %s\n", n->name, a->report.why.text);
		break;
	}
}

void bnet_pump(struct bnet *net, struct bnet_node *n)
{
	struct bgp_action a;

	while (n->bgp && bgp_next_action(n->bgp, &a))
		execute(net, n, &a);
}

/* --- what arrives --- */
static void arrive(struct bnet *net, struct conn *c)
{
	struct side *s = &c->side[1];

	s->id = s->node->bgp ? bgp_conn_incoming(s->node->bgp, &s->addr, &c->side[0].addr, net->now)
	                     : ++net->next_raw;
	if (!s->id) { /* accepted by the kernel, closed by the daemon; or refused by a firewall */
		schedule(net, c, 0, next_random(net) % 2 ? EV_REFUSED : EV_OPENED, NULL, 0);
		schedule(net, c, 0, EV_FIN, NULL, 0);
		return;
	}
	s->open = true;
	if (!s->node->bgp) {
		s->node->raw_conn = s->id;
		s->node->raw_len = 0;
		s->node->raw_closed = false;
	}
	schedule(net, c, 0, EV_OPENED, NULL, 0);
}

static void raw_take(struct bnet_node *n, const uint8_t *data, size_t len)
{
	assert_true(n->raw_len + len <= BNET_RAW_MAX);
	memcpy(&n->raw_in[n->raw_len], data, len);
	n->raw_len += len;
}

static void take_end(struct bnet *net, struct conn *c, unsigned to, const char *error)
{
	struct side *s = &c->side[to];

	if (!s->open && !s->asked)
		return;
	s->open = s->asked = false;
	if (s->node->bgp)
		bgp_conn_closed(s->node->bgp, s->id, error, net->now);
	else if (s->node->raw_conn == s->id)
		s->node->raw_closed = true;
}

/* How much of these bytes arrives before the link's time comes (bnet_break_after); ret_breaks: it has. */
static size_t before_break(struct bnet *net, const struct conn *c, size_t len, bool *ret_breaks)
{
	unsigned a = bnet_index(net, c->side[0].node), b = bnet_index(net, c->side[1].node);
	size_t left = net->breaks[a][b];

	*ret_breaks = left && len >= left;
	if (!left)
		return len;
	net->breaks[a][b] = net->breaks[b][a] = *ret_breaks ? 0 : left - len;
	return *ret_breaks ? left - 1 : len;
}

static void take_data(struct bnet *net, struct conn *c, unsigned to, const struct event *e)
{
	struct side *s = &c->side[to], *from = &c->side[!to];
	bool breaks = false;
	size_t len = before_break(net, c, e->len, &breaks);

	if (s->open && s->node->bgp && len)
		bgp_conn_input(s->node->bgp, s->id, e->data, len, net->now);
	else if (s->open && len)
		raw_take(s->node, e->data, len);
	from->in_flight -= e->len;
	for (unsigned i = 0; i < 2 && breaks; i++)
		take_end(net, c, i, "connection reset");
	if (from->open)
		schedule(net, c, !to, EV_ROOM, NULL, 0);
}

static void dispatch(struct bnet *net, struct event *e)
{
	struct conn *c = e->conn;
	struct side *s = &c->side[e->to];
	size_t room = net->window > s->in_flight ? net->window - s->in_flight : 0;

	switch (e->kind) {
	case EV_ARRIVE: arrive(net, c); break;
	case EV_OPENED:
		if (!s->asked)
			break;
		s->asked = false;
		s->open = true;
		if (s->node->bgp)
			bgp_conn_opened(s->node->bgp, s->id, &s->addr, net->now);
		break;
	case EV_REFUSED:
		if (s->asked && s->node->bgp)
			bgp_conn_failed(s->node->bgp, s->id, "connection refused", net->now);
		s->asked = false;
		break;
	case EV_DATA: take_data(net, c, e->to, e); break;
	case EV_ROOM:
		if (s->open && s->node->bgp)
			bgp_conn_writable(s->node->bgp, s->id, room, net->now);
		break;
	case EV_FIN: take_end(net, c, e->to, NULL); break;
	case EV_RST: take_end(net, c, e->to, "connection reset"); break;
	}
	if (s->node)
		bnet_pump(net, s->node);
	if (c->side[!e->to].node)
		bnet_pump(net, c->side[!e->to].node);
}

static bool held(struct bnet *net, const struct event *e)
{
	const struct side *s = &e->conn->side[e->to];
	unsigned a = bnet_index(net, s->node), b;

	if (s->node && s->node->busy_until.ns > net->now.ns)
		return true;
	if (!s->node || !e->conn->side[!e->to].node)
		return false;
	b = bnet_index(net, e->conn->side[!e->to].node);
	return net->dark[a][b] || (s->node->stalled && e->kind == EV_DATA);
}

static struct event *next_event(struct bnet *net)
{
	for (struct list *l = net->events.next; l != &net->events; l = l->next) {
		struct event *e = list_entry(l, struct event, node);

		if (!held(net, e))
			return e;
	}
	return NULL;
}

static mtime next_deadline(struct bnet *net)
{
	mtime t = MTIME_NEVER;

	for (unsigned i = 0; i < net->n_nodes; i++)
		if (net->node[i].bgp)
			t = mtime_min(t, mtime_max(bgp_deadline(net->node[i].bgp), net->node[i].busy_until));
	return t;
}

/* One step, not beyond `end`. False when nothing happens until then. */
static bool step(struct bnet *net, mtime end)
{
	struct event *e = next_event(net);
	mtime timer = next_deadline(net), at = e ? mtime_min(e->at, timer) : timer;

	if (at.ns > end.ns)
		return false;
	net->now = mtime_max(net->now, at);
	if (e && e->at.ns <= timer.ns) {
		struct conn *c = e->conn;

		list_remove(&e->node);
		dispatch(net, e);
		event_free(e);
		conn_gc(c);
		return true;
	}
	for (unsigned i = 0; i < net->n_nodes; i++) {
		struct bnet_node *n = &net->node[i];

		if (!n->bgp || !mtime_reached(bgp_deadline(n->bgp), net->now) ||
		    n->busy_until.ns > net->now.ns)
			continue;
		bgp_timer(n->bgp, net->now);
		bnet_pump(net, n);
		if (mtime_reached(bgp_deadline(n->bgp), net->now))
			n->busy_until = mtime_add(net->now, n->slice);
	}
	return true;
}

void bnet_run(struct bnet *net, mdur span)
{
	mtime end = mtime_add(net->now, span);

	while (step(net, end))
		;
	net->now = end;
}

bool bnet_until(struct bnet *net, mdur limit, bool (*done)(struct bnet *net, void *arg), void *arg)
{
	mtime end = mtime_add(net->now, limit);

	while (!done(net, arg))
		if (!step(net, end))
			return false;
	return true;
}

struct state_wanted {
	struct bnet_node *n;
	uint32_t peer;
	enum bgp_state state;
};

static bool state_reached(struct bnet *net, void *arg)
{
	const struct state_wanted *w = arg;

	(void)net;
	return w->n->peer[w->peer].state == w->state;
}

bool bnet_until_state(struct bnet *net, mdur limit, struct bnet_node *n, uint32_t peer, enum bgp_state state)
{
	struct state_wanted w = { n, peer, state };

	return bnet_until(net, limit, state_reached, &w);
}

static bool settled(struct bnet *net, void *arg)
{
	(void)arg;
	return !next_event(net) && next_deadline(net).ns > net->now.ns;
}

bool bnet_settle(struct bnet *net, mdur limit)
{
	for (unsigned i = 0; i < net->n_nodes; i++)
		bnet_pump(net, &net->node[i]);
	return bnet_until(net, limit, settled, NULL);
}

void bnet_dark(struct bnet *net, struct bnet_node *a, struct bnet_node *b, bool dark)
{
	unsigned i = bnet_index(net, a), k = bnet_index(net, b);

	net->dark[i][k] = net->dark[k][i] = dark;
}

bool bnet_is_dark(const struct bnet *net, const struct bnet_node *a, const struct bnet_node *b)
{
	return net->dark[bnet_index(net, a)][bnet_index(net, b)];
}

void bnet_spurious(struct bnet *net, struct bnet_node *n, size_t room)
{
	bgp_timer(n->bgp, net->now);
	bnet_pump(net, n);
	list_for_each (&net->conns, struct conn, c, node)
		for (unsigned i = 0; i < 2; i++)
			if (c->side[i].node == n && c->side[i].open)
				bgp_conn_writable(n->bgp, c->side[i].id, room, net->now);
	bnet_pump(net, n);
}

unsigned bnet_connections(const struct bnet *net, const struct bnet_node *a, const struct bnet_node *b)
{
	unsigned n = 0;

	list_for_each (&net->conns, const struct conn, c, node)
		n += c->side[0].open && c->side[1].open &&
		     ((c->side[0].node == a && c->side[1].node == b) ||
		         (c->side[0].node == b && c->side[1].node == a));
	return n;
}

void bnet_stall(struct bnet *net, struct bnet_node *n, bool stalled)
{
	(void)net;
	n->stalled = stalled;
}

void bnet_break_after(struct bnet *net, struct bnet_node *a, struct bnet_node *b, size_t octets)
{
	unsigned i = bnet_index(net, a), k = bnet_index(net, b);

	net->breaks[i][k] = net->breaks[k][i] = octets + 1;
}

void bnet_reset(struct bnet *net, struct bnet_node *a, struct bnet_node *b)
{
	list_for_each (&net->conns, struct conn, c, node) {
		if ((c->side[0].node != a || c->side[1].node != b) &&
		    (c->side[0].node != b || c->side[1].node != a))
			continue;
		for (unsigned i = 0; i < 2; i++)
			if (c->side[i].open)
				schedule(net, c, i, EV_RST, NULL, 0);
	}
}

/* --- raw nodes --- */
void bnet_raw_connect(struct bnet *net, struct bnet_node *n, const char *local, const char *remote)
{
	struct addr l = bnet_addr(local), r = bnet_addr(remote);

	n->raw_conn = ++net->next_raw;
	n->raw_len = 0;
	n->raw_closed = false;
	connect_to(net, n, n->raw_conn, &l, &r);
}

void bnet_raw_write(struct bnet *net, struct bnet_node *n, const void *data, size_t len)
{
	unsigned side = 0;
	struct conn *c = conn_of(net, n, n->raw_conn, &side);

	if (c && c->side[side].open)
		send_bytes(net, c, side, data, len);
}

void bnet_raw_close(struct bnet *net, struct bnet_node *n)
{
	unsigned side = 0;
	struct conn *c = conn_of(net, n, n->raw_conn, &side);

	if (c)
		close_side(net, c, side);
}

/* --- shorthand --- */
struct addr bnet_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

struct prefix bnet_prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

struct bgp_peer_config bnet_peer_config(
    const char *name, enum bgp_kind kind, const char *local, const char *remote, uint32_t peer_as)
{
	struct bgp_peer_config c = { .kind = kind,
		.local = bnet_addr(local),
		.remote = bnet_addr(remote),
		.peer_as = peer_as,
		.hold_time = mdur_s(30),
		.keepalive = mdur_s(10) };

	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

void bnet_peer_add(struct bnet_node *n, uint32_t id, const struct bgp_peer_config *c)
{
	struct reason why = { 0 };

	assert_true(id < BNET_PEERS);
	if (bgp_peer_add(n->bgp, id, c, &why) < 0)
		fail_msg("%s", why.text);
}

void bnet_peer_start(struct bnet *net, struct bnet_node *n, uint32_t id)
{
	bgp_peer_start(n->bgp, id, net->now);
	bnet_pump(net, n);
}

void bnet_announce(struct bnet *net, struct bnet_node *n, const char *prefix)
{
	struct prefix p = bnet_prefix(prefix);

	assert_int_equal(bgp_announce(n->bgp, &p, net->now), 0);
	bnet_pump(net, n);
}

void bnet_unannounce(struct bnet *net, struct bnet_node *n, const char *prefix)
{
	struct prefix p = bnet_prefix(prefix);

	bgp_unannounce(n->bgp, &p, net->now);
	bnet_pump(net, n);
}

const struct bgp_action *bnet_route(const struct bnet_node *n, const char *prefix)
{
	struct prefix p = bnet_prefix(prefix);

	return ptrie_get(n->routes, &p);
}

bool bnet_row(const struct bnet_node *n, enum bgp_rib rib, const char *prefix, uint32_t peer,
    struct bgp_route_view *ret_view)
{
	struct bgp_route_query q = { .rib = rib, .peer = peer, .within = bnet_prefix(prefix), .exact = true };

	return bgp_routes(n->bgp, &q, ret_view, 1) == 1;
}

size_t bnet_count(const struct bnet_node *n, enum bgp_rib rib, uint32_t peer)
{
	struct bgp_route_query q = { .rib = rib, .peer = peer };
	struct bgp_route_view *rows = calloc(100, sizeof(*rows));
	size_t total = 0;

	assert_non_null(rows);
	while (!q.done)
		total += bgp_routes(n->bgp, &q, rows, 100);
	free(rows);
	return total;
}

struct bgp_peer_view bnet_view(const struct bnet_node *n, uint32_t peer)
{
	struct bgp_peer_view v;

	assert_int_equal(bgp_peer_view(n->bgp, peer, &v), 0);
	return v;
}
