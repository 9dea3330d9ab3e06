/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A malformed UPDATE's way through a speaker, and what its peers were told. All bytes are written and read by
 * hand. The sound route that stands before each case has ORIGIN EGP, which no case has, so that each
 * acceptance shows at y.
 */
#include "tests/support/bgp_judge.h"

#include "bgp/bgp.h"
#include "bgp/wire.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUR_AS 65001
#define X_AS   65515
#define Y_AS   65100
#define X      1
#define Y      2

const char *const context_name[N_CONTEXTS] = { "external", "internal", "2-octet" };

static const char *const outcome_name[] = { "accepted", "attribute discarded", "withdrawn", "family disabled",
	"reset" };

struct world {
	struct bgp *bgp;
	enum context context;
	mtime now;
	uint64_t conn[3];
	/* Since the last mark: */
	uint8_t to_y[8192], to_x[1024];
	size_t y_len, x_len;
	bool x_closed;
};

static uint64_t seed = 1;
unsigned cases;

/* --- bytes --- */
void put(struct bytes_buf *o, const void *data, size_t len)
{
	assert_true(o->len + len <= sizeof(o->b));
	if (len)
		memcpy(o->b + o->len, data, len);
	o->len += len;
}

void put8(struct bytes_buf *o, unsigned v)
{
	uint8_t b = (uint8_t)v;

	put(o, &b, 1);
}

void put16(struct bytes_buf *o, unsigned v)
{
	put8(o, v >> 8);
	put8(o, v & 0xff);
}

void put32(struct bytes_buf *o, uint32_t v)
{
	put16(o, v >> 16);
	put16(o, v & 0xffff);
}

void put_attr(struct bytes_buf *o, unsigned flags, unsigned type, const void *value, size_t len)
{
	put8(o, flags);
	put8(o, type);
	if (flags & EXT_LEN)
		put16(o, (unsigned)len);
	else
		put8(o, (unsigned)len);
	put(o, value, len);
}

/* --- the world --- */
static void drain(struct world *w)
{
	struct bgp_action a;

	for (unsigned round = 0; round < 1000; round++) {
		while (bgp_next_action(w->bgp, &a)) {
			if (a.kind == BGP_ACT_CLOSE && a.close_conn == w->conn[X])
				w->x_closed = true;
			if (a.kind != BGP_ACT_SEND)
				continue;
			if (a.send.conn == w->conn[Y]) {
				assert_true(w->y_len + a.send.len <= sizeof(w->to_y));
				memcpy(w->to_y + w->y_len, a.send.data, a.send.len);
				w->y_len += a.send.len;
			} else if (a.send.conn == w->conn[X] && w->x_len + a.send.len <= sizeof(w->to_x)) {
				memcpy(w->to_x + w->x_len, a.send.data, a.send.len);
				w->x_len += a.send.len;
			}
		}
		if (bgp_deadline(w->bgp).ns > w->now.ns)
			return;
		bgp_timer(w->bgp, w->now);
	}
	fail_msg("the speaker never comes to rest");
}

static void say(struct world *w, unsigned who, unsigned type, const uint8_t *body, size_t len)
{
	struct bytes_buf o = { .len = 0 };

	for (int i = 0; i < 16; i++)
		put8(&o, 0xff);
	put16(&o, (unsigned)(19 + len));
	put8(&o, type);
	put(&o, body, len);
	bgp_conn_writable(w->bgp, w->conn[who], 1 << 20, w->now);
	bgp_conn_input(w->bgp, w->conn[who], o.b, o.len, w->now);
}

static void establish(struct world *w, unsigned who, uint32_t as, bool four)
{
	struct bytes_buf o = { .len = 0 };
	struct addr local = addr_v4(0x0a00000a), remote = addr_v4(0x0a64ff00 + who);
	struct bgp_peer_config c = { .name = "peer",
		.kind = who == X ? BGP_PEER_SITE : BGP_PEER_LAN,
		.local = local,
		.remote = remote,
		.peer_as = as,
		.mode = BGP_MODE_PASSIVE,
		.ipv4 = true,
		.ipv6 = true };
	/* multiprotocol IPv4 and IPv6 unicast, route refresh; 4-octet AS numbers where four */
	static const uint8_t caps[] = { 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0 };

	assert_int_equal(bgp_peer_add(w->bgp, who, &c, NULL), 0);
	bgp_peer_start(w->bgp, who, w->now);
	w->conn[who] = bgp_conn_incoming(w->bgp, &local, &remote, w->now);
	assert_int_not_equal(w->conn[who], 0);
	put8(&o, 4);
	put16(&o, as);
	put16(&o, 90);
	put32(&o, 0x0a64ff00 + who);
	put8(&o, 2 + sizeof(caps) + (four ? 6 : 0));
	put8(&o, 2);
	put8(&o, sizeof(caps) + (four ? 6 : 0));
	put(&o, caps, sizeof(caps));
	if (four) {
		put8(&o, 65);
		put8(&o, 4);
		put32(&o, as);
	}
	say(w, who, BGP_MSG_OPEN, o.b, o.len);
	say(w, who, BGP_MSG_KEEPALIVE, NULL, 0);
	drain(w);
}

static struct bgp_peer_view view(const struct world *w, unsigned who)
{
	static struct bgp_peer_view v;

	assert_int_equal(bgp_peer_view(w->bgp, who, &v), 0);
	return v;
}

struct world *world_new(enum context context)
{
	struct world *w = calloc(1, sizeof(*w));
	struct bgp_config config = { .as = OUR_AS, .router_id = 0x0a00000a, .multipath = 1 };
	struct rng rng = rng_seeded(&seed);

	assert_non_null(w);
	w->context = context;
	w->now = (mtime){ 1000000000 };
	w->bgp = bgp_new(&config, &rng);
	assert_non_null(w->bgp);
	establish(w, Y, Y_AS, true);
	establish(w, X, context == INTERNAL ? OUR_AS : X_AS, context != TWO_OCTET);
	assert_int_equal(view(w, X).state, BGP_ESTABLISHED);
	assert_int_equal(view(w, Y).state, BGP_ESTABLISHED);
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	bgp_free(w->bgp);
	free(w);
}

/* --- sound attributes, as x would send them --- */
static void put_path(struct bytes_buf *o, enum context c)
{
	if (c == TWO_OCTET)
		put_attr(o, 0x40, 2, "\x02\x01\xff\xeb", 4);
	else
		put_attr(o, 0x40, 2, "\x02\x01\x00\x00\xff\xeb", 6);
}

const uint8_t nexthop[4] = { 10, 100, 255, 1 };
/* 10.200.0.0/16; 2001:db8:b::/48, and MP_REACH_NLRI with it */
const uint8_t net4[3] = { 16, 10, 200 };
const uint8_t reach6[28] = { 0, 2, 1, 16, 0x20, 1, 0x0d, 0xb8, 0, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 48,
	0x20, 1, 0x0d, 0xb8, 0, 0x0b };
const uint8_t unreach6[10] = { 0, 2, 1, 48, 0x20, 1, 0x0d, 0xb8, 0, 0x0b };

/* ORIGIN, AS_PATH, NEXT_HOP, but for `without`. */
void put_sound(struct bytes_buf *o, enum context c, unsigned origin, unsigned without)
{
	uint8_t v = (uint8_t)origin;

	if (without != 1)
		put_attr(o, 0x40, 1, &v, 1);
	if (without != 2)
		put_path(o, c);
	if (without != 3)
		put_attr(o, 0x40, 3, nexthop, 4);
}

void say_update(struct world *w, const uint8_t *body, size_t len)
{
	say(w, X, BGP_MSG_UPDATE, body, len);
	drain(w);
}

static void update(struct world *w, const struct bytes_buf *attrs, const uint8_t *nlri, size_t nlri_len)
{
	struct bytes_buf o = { .len = 0 };

	put16(&o, 0);
	put16(&o, (unsigned)attrs->len);
	put(&o, attrs->b, attrs->len);
	put(&o, nlri, nlri_len);
	say(w, X, BGP_MSG_UPDATE, o.b, o.len);
	drain(w);
}

/* The sound routes that stand before each case: ORIGIN EGP, which no case has, so each acceptance shows. */
void baseline(struct world *w)
{
	struct bytes_buf a = { .len = 0 }, b = { .len = 0 };

	put_sound(&a, w->context, 1, 0);
	update(w, &a, net4, sizeof(net4));
	put_sound(&b, w->context, 1, 3);
	put_attr(&b, 0x80, 14, reach6, sizeof(reach6));
	update(w, &b, NULL, 0);
	w->y_len = w->x_len = 0;
	w->x_closed = false;
}

/* --- what y was told, read by hand --- */
struct told {
	unsigned n_updates;
	bool announced4, withdrawn4, announced6, withdrawn6;
	unsigned flags[256], len[256], count[256]; /* of the last one that announces IPv4 */
	uint8_t value[256][64];
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void read_attrs(struct told *t, const uint8_t *p, size_t len, bool has4)
{
	size_t at = 0;

	if (has4) {
		memset(t->count, 0, sizeof(t->count));
		t->announced4 = true;
	}
	while (at < len) {
		unsigned flags, type, n;

		assert_true(len - at >= 3);
		flags = p[at];
		type = p[at + 1];
		at += 2;
		n = flags & EXT_LEN ? get16(p + at) : p[at];
		at += flags & EXT_LEN ? 2 : 1;
		assert_true(n <= len - at);
		if (type == 14)
			t->announced6 = true;
		if (type == 15)
			t->withdrawn6 = t->withdrawn6 || n > 3;
		if (has4) {
			t->flags[type] = flags & ~(unsigned)EXT_LEN;
			t->len[type] = n;
			t->count[type]++;
			memcpy(t->value[type], p + at, n < 64 ? n : 64);
		}
		at += n;
	}
}

static const struct told *read_y(const struct world *w)
{
	static struct told t;
	size_t at = 0;

	memset(&t, 0, offsetof(struct told, value));
	while (at < w->y_len) {
		const uint8_t *p = w->to_y + at;
		unsigned len = get16(p + 16), withdrawn, attrs;

		assert_true(len >= 19 && at + len <= w->y_len);
		at += len;
		if (p[18] == BGP_MSG_NOTIFICATION)
			fail_msg("y was sent NOTIFICATION %u/%u", p[19], p[20]);
		if (p[18] != BGP_MSG_UPDATE)
			continue;
		t.n_updates++;
		withdrawn = get16(p + 19);
		attrs = get16(p + 21 + withdrawn);
		assert_true(19 + 4 + withdrawn + attrs <= len);
		t.withdrawn4 = t.withdrawn4 || withdrawn;
		read_attrs(&t, p + 23 + withdrawn, attrs, 23 + withdrawn + attrs < len);
	}
	return &t;
}

/* NOTIFICATION to x: code << 8 | subcode; 0: none. Its data behind ret_data. */
static unsigned notification(const struct world *w, const uint8_t **ret_data, size_t *ret_len)
{
	for (size_t at = 0; at + 19 <= w->x_len; at += get16(w->to_x + at + 16))
		if (w->to_x[at + 18] == BGP_MSG_NOTIFICATION) {
			*ret_data = w->to_x + at + 21;
			*ret_len = get16(w->to_x + at + 16) - 21;
			return get16(w->to_x + at + 19);
		}
	return 0;
}

/* --- one case --- */
char what[512];

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			fail_msg("%s: expected %s: not true: %s", what, outcome_name[e->o], #cond);          \
	} while (0)

static void check_clean(const struct told *t, const struct expect *e)
{
	static const uint8_t ours[] = { 10, 0, 0, 10 };

	CHECK(t->n_updates >= 1 && t->announced4 && !t->withdrawn4);
	CHECK(t->count[1] == 1 && t->flags[1] == 0x40 && t->len[1] == 1 && t->value[1][0] == e->origin);
	CHECK(t->count[2] == 1 && t->flags[2] == 0x40 && t->len[2] >= 6);
	CHECK(!memcmp(t->value[2] + 2, "\x00\x00\xfd\xe9", 4)); /* ours comes first */
	CHECK(t->count[3] == 1 && t->flags[3] == 0x40 && t->len[3] == 4 && !memcmp(t->value[3], ours, 4));
	for (unsigned type = 4; type < 256; type++) {
		if (type != e->type || !e->flags) {
			if (t->count[type])
				fail_msg("%s: y got attribute %u", what, type);
			continue;
		}
		CHECK(t->count[type] == 1);
		CHECK(t->flags[type] == e->flags);
		CHECK(
		    (t->len[type] == e->len && !memcmp(t->value[type], e->value, e->len < 64 ? e->len : 64)));
	}
}

/* True: the session lives. */
bool judge(struct world *w, const struct expect *e)
{
	const uint8_t *data = NULL;
	size_t len = 0;
	unsigned n = notification(w, &data, &len);
	const struct told *t = read_y(w);

	cases++;
	if (e->o == RESET) {
		CHECK(n == (3u << 8 | e->subcode));
		CHECK(len == e->data_len && (!len || !memcmp(data, e->data, len)));
		CHECK(w->x_closed);
		CHECK(t->withdrawn4 && t->withdrawn6 && !t->announced4 && !t->announced6);
		return false;
	}
	if (n)
		fail_msg(
		    "%s: expected %s, but NOTIFICATION %u/%u", what, outcome_name[e->o], n >> 8, n & 0xff);
	CHECK(!w->x_closed && view(w, X).state == BGP_ESTABLISHED);
	if (e->no_nlri)
		CHECK(!t->announced4 && !t->withdrawn4);
	else if (e->o == WITHDRAW)
		CHECK(t->withdrawn4 && !t->announced4);
	else
		check_clean(t, e);
	CHECK(t->withdrawn6 == (e->o == DISABLE));
	return e->o != DISABLE;
}

void run(struct world **w, enum context c, const struct bytes_buf *attrs, const uint8_t *nlri,
    size_t nlri_len, const struct expect *e)
{
	if (!*w)
		*w = world_new(c);
	baseline(*w);
	update(*w, attrs, nlri, nlri_len);
	if (!judge(*w, e)) {
		world_free(*w);
		*w = NULL;
	}
}
