/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Communities: their text, and looking for and changing them in a route's attributes. The three kinds differ
 * in length and in where they are kept (their own field, or among the attributes that travel on as they
 * came), and in nothing else: one community or a family of them is a value under a mask.
 */
#include "bgp/policy_internal.h"

#include "bgp/wire.h"

#include <stdlib.h>
#include <string.h>

#define STANDARD_LEN 4
#define EXTENDED_LEN 8
#define LARGE_LEN    12

/* --- text --- */
static const struct {
	const char *name;
	uint32_t value;
} well_known[] = {
	/* IANA, BGP well-known communities */
	{ "graceful-shutdown", 0xffff0000u },
	{ "accept-own", 0xffff0001u },
	{ "llgr-stale", 0xffff0006u },
	{ "no-llgr", 0xffff0007u },
	{ "blackhole", 0xffff029au },
	{ "no-export", BGP_COMM_NO_EXPORT },
	{ "no-advertise", BGP_COMM_NO_ADVERTISE },
	{ "no-export-subconfed", BGP_COMM_NO_EXPORT_SUBCONFED },
	{ "local-as", BGP_COMM_NO_EXPORT_SUBCONFED },
	{ "no-peer", 0xffffff04u },
};

const char *bgp_community_name(uint32_t community)
{
	for (size_t i = 0; i < sizeof(well_known) / sizeof(well_known[0]); i++)
		if (well_known[i].value == community)
			return well_known[i].name;
	return NULL;
}

/* One number of at most max, or an asterisk; *text moves on to what ends it. */
static int take_number(const char **text, uint32_t max, uint32_t *ret_value, bool *ret_any)
{
	uint64_t v = 0;
	const char *s = *text;

	*ret_any = *s == '*';
	*ret_value = 0;
	if (*ret_any) {
		*text = s + 1;
		return 0;
	}
	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return -1;
	}
	*text = s;
	*ret_value = (uint32_t)v;
	return 0;
}

static void put(struct bgp_community *c, unsigned octets, uint32_t value, bool any)
{
	for (unsigned i = 0; i < octets; i++) {
		c->value[c->len] = (uint8_t)(value >> 8 * (octets - 1 - i));
		c->mask[c->len++] = any ? 0 : 0xff;
	}
}

/* "rt:" and "soo:", behind the colon (RFC 4360 4, RFC 5668): a 2-octet AS and 4 octets, or a 4-octet AS or an
 * IPv4 address and 2. */
static int parse_extended(const char *text, uint8_t subtype, struct bgp_community *c)
{
	const char *colon = strchr(text, ':');
	uint32_t admin, number;
	bool any_admin, any;
	struct addr a;
	char host[16];
	uint8_t type = 0;

	if (!colon || colon == text)
		return -1;
	if ((size_t)(colon - text) < sizeof(host) && memchr(text, '.', (size_t)(colon - text))) {
		memcpy(host, text, (size_t)(colon - text));
		host[colon - text] = '\0';
		if (addr_parse(host, &a) || a.family != 4)
			return -1;
		admin = addr_to_v4(&a);
		any_admin = false;
		type = 1;
	} else {
		if (take_number(&text, UINT32_MAX, &admin, &any_admin) || text != colon)
			return -1;
		type = admin > UINT16_MAX ? 2 : 0;
	}
	text = colon + 1;
	if (take_number(&text, type ? UINT16_MAX : UINT32_MAX, &number, &any) || *text)
		return -1;
	put(c, 1, type, any_admin);
	put(c, 1, subtype, false);
	put(c, type ? 4 : 2, admin, any_admin);
	put(c, type ? 2 : 4, number, any);
	return any_admin && !any ? -1 : 0; /* where the number begins hangs on the AS */
}

int bgp_community_parse(const char *text, struct bgp_community *ret_community)
{
	struct bgp_community c = { 0 };
	uint32_t v[3];
	bool any[3];
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(well_known) / sizeof(well_known[0]); i++)
		if (!strcmp(text, well_known[i].name)) {
			put(&c, 4, well_known[i].value, false);
			*ret_community = c;
			return 0;
		}
	if (!strncmp(text, "rt:", 3) || !strncmp(text, "soo:", 4)) {
		if (parse_extended(strchr(text, ':') + 1, text[0] == 'r' ? 2 : 3, &c))
			return -1;
		*ret_community = c;
		return 0;
	}
	do {
		if (n == 3 || take_number(&text, UINT32_MAX, &v[n], &any[n]))
			return -1;
		n++;
	} while (*text == ':' && text++);
	if (*text || n < 2 || (n == 2 && (v[0] > UINT16_MAX || v[1] > UINT16_MAX)))
		return -1;
	for (unsigned i = 0; i < n; i++)
		put(&c, n == 2 ? 2 : 4, v[i], any[i]);
	*ret_community = c;
	return 0;
}

bool bgp_community_exact(const struct bgp_community *c)
{
	for (unsigned i = 0; i < c->len; i++)
		if (c->mask[i] != 0xff)
			return false;
	return true;
}

/* --- where they are --- */
static uint8_t attr_type(unsigned len)
{
	return len == LARGE_LEN ? BGP_ATTR_LARGE_COMMUNITIES : BGP_ATTR_EXT_COMMUNITIES;
}

/* The communities of this length, one after the other. */
static struct bytes communities_of(const struct attrs *a, unsigned len)
{
	struct rd value;

	if (len == STANDARD_LEN)
		return a->communities;
	if (!attr_other_find(a, attr_type(len), &value))
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ value.p, rd_left(&value) };
}

static bool is(const struct bgp_community *c, const uint8_t *p)
{
	for (unsigned i = 0; i < c->len; i++)
		if ((p[i] & c->mask[i]) != c->value[i])
			return false;
	return true;
}

static bool has(struct bytes list, const struct bgp_community *c)
{
	struct rd r = rd_init(list.p, list.len);

	while (rd_left(&r) >= c->len)
		if (is(c, rd_skip(&r, c->len)))
			return true;
	return false;
}

bool community_list_match(const struct bgp_community_list *l, const struct attrs *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (has(communities_of(a, l->c[i].len), &l->c[i]))
			return true;
	return false;
}

/* --- changing --- */
static bool removed(const struct bgp_policy_set *set, const uint8_t *p, unsigned len)
{
	if (set->replace_communities)
		return true;
	for (size_t i = 0; i < set->n_remove; i++)
		if (set->remove[i].len == len && is(&set->remove[i], p))
			return true;
	return false;
}

static bool concerns(const struct bgp_policy_set *set, unsigned len)
{
	if (set->replace_communities &&
	    len != EXTENDED_LEN) /* those have jobs of their own: they go by name only */
		return true;
	for (size_t i = 0; i < set->n_remove; i++)
		if (set->remove[i].len == len)
			return true;
	for (size_t i = 0; i < set->n_add; i++)
		if (set->add[i].len == len)
			return true;
	return false;
}

/* The communities of one kind as they are to be, written to w. */
static struct bytes changed_list(
    const struct attrs *a, const struct bgp_policy_set *set, unsigned len, struct wr *w)
{
	struct bytes was = communities_of(a, len), is_now = { w->p, 0 };
	struct bgp_policy_set only = *set;
	struct rd r = rd_init(was.p, was.len);
	size_t from = wr_len(w);

	only.replace_communities &= len != EXTENDED_LEN;
	while (rd_left(&r) >= len) {
		const uint8_t *p = rd_skip(&r, len);

		if (!removed(&only, p, len))
			wr_bytes(w, p, len);
	}
	for (size_t i = 0; i < set->n_add; i++) {
		is_now.len = wr_len(w) - from;
		if (set->add[i].len == len && !has(is_now, &set->add[i]))
			wr_bytes(w, set->add[i].value, len);
	}
	is_now.len = wr_len(w) - from;
	return is_now;
}

static void put_attribute(struct wr *w, uint8_t type, uint8_t flags, struct bytes value)
{
	wr_u8(w, type);
	wr_u8(w, flags);
	wr_u16(w, (uint16_t)value.len);
	wr_bytes(w, value.p, value.len);
}

/* a->other with this attribute's value replaced, in the order of types; an empty one is left out. */
static void replace_other(struct attrs *a, uint8_t type, struct bytes value, struct wr *w)
{
	struct rd r = rd_init(a->other.p, a->other.len);
	struct bytes out = { w->p, 0 };
	struct attr_other o;
	size_t from = wr_len(w);
	bool placed = value.len == 0;

	if (value.len > UINT16_MAX) {
		w->bad = true;
		return;
	}
	while (attr_other_next(&r, &o)) {
		if (!placed && o.type >= type) {
			put_attribute(w, type, BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE, value);
			placed = true;
		}
		if (o.type != type)
			put_attribute(w, o.type, o.flags, (struct bytes){ o.value.p, rd_left(&o.value) });
	}
	if (!placed)
		put_attribute(w, type, BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE, value);
	out.len = wr_len(w) - from;
	a->other = out;
}

bool communities_change(struct attrs *a, const struct bgp_policy_set *set, struct wr *w)
{
	static const unsigned kinds[] = { STANDARD_LEN, EXTENDED_LEN, LARGE_LEN };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct bytes list;

		if (!concerns(set, kinds[i]))
			continue;
		list = changed_list(a, set, kinds[i], w);
		if (kinds[i] == STANDARD_LEN)
			a->communities = list;
		else
			replace_other(a, attr_type(kinds[i]), list, w);
	}
	return wr_ok(w);
}
