/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UPDATEs packed by attribute set, up to 4096 octets each (RFC 4271 4.3), and the reading of them. An
 * attribute set's AS path, MED, origin and communities come from its number alone, so every feeder says the
 * same of the same prefix, but for its own AS, its next hop and how often it prepends.
 */
#include "tests/bench/bgp/talk.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN = 1, UPDATE = 2, KEEPALIVE = 4 };
enum { ORIGIN = 1, AS_PATH = 2, NEXT_HOP = 3, MED = 4, COMMUNITIES = 8 };
enum { WELL_KNOWN = 0x40, OPTIONAL = 0x80, OPTIONAL_TRANSITIVE = 0xc0, EXTENDED_LENGTH = 0x10 };
enum { CAP_MULTIPROTOCOL = 1, CAP_REFRESH = 2, CAP_AS4 = 65, AS_SEQUENCE = 2, AS_TRANS = 23456 };

#define HEADER      19
#define MESSAGE_MAX 4096

static bool put(struct bytes *b, const void *data, size_t n)
{
	if (b->n + n > b->room) {
		size_t room = (b->n + n) * 2;
		uint8_t *more = realloc(b->data, room);

		if (!more)
			return false;
		b->data = more;
		b->room = room;
	}
	memcpy(b->data + b->n, data, n);
	b->n += n;
	return true;
}

static bool put_number(struct bytes *b, uint32_t v, unsigned octets)
{
	uint8_t raw[4] = { v >> 24, v >> 16, v >> 8, v };

	return put(b, raw + 4 - octets, octets);
}

static bool put_message(struct bytes *out, uint8_t type, const struct bytes *body)
{
	uint8_t marker[16];

	memset(marker, 0xff, sizeof(marker));
	return put(out, marker, sizeof(marker)) && put_number(out, (uint32_t)(HEADER + body->n), 2) &&
	       put_number(out, type, 1) && (!body->n || put(out, body->data, body->n));
}

bool talk_keepalive(struct bytes *out)
{
	return put_message(out, KEEPALIVE, &(struct bytes){ 0 });
}

bool talk_open(uint32_t as, uint16_t hold_time, uint32_t router_id, struct bytes *out)
{
	static const uint8_t ipv4_and_refresh[] = { CAP_MULTIPROTOCOL, 4, 0, 1, 0, 1, CAP_REFRESH, 0, CAP_AS4,
		4 };
	struct bytes b = { 0 };
	size_t caps = sizeof(ipv4_and_refresh) + 4;
	bool done = put_number(&b, 4, 1) && put_number(&b, as > UINT16_MAX ? AS_TRANS : as, 2) &&
	            put_number(&b, hold_time, 2) && put_number(&b, router_id, 4) &&
	            put_number(&b, (uint32_t)caps + 2, 1) && put_number(&b, 2, 1) &&
	            put_number(&b, (uint32_t)caps, 1) &&
	            put(&b, ipv4_and_refresh, sizeof(ipv4_and_refresh)) && put_number(&b, as, 4) &&
	            put_message(out, OPEN, &b);

	free(b.data);
	return done;
}

static bool put_as_path(struct bytes *b, const struct announcement *a, uint32_t set)
{
	unsigned hops = 2 + set % 5, n = 1 + a->prepend + hops;
	bool done = put_number(b, WELL_KNOWN, 1) && put_number(b, AS_PATH, 1) &&
	            put_number(b, 2 + 4 * n, 1) && put_number(b, AS_SEQUENCE, 1) && put_number(b, n, 1);

	for (unsigned i = 0; done && i < 1 + a->prepend; i++)
		done = put_number(b, a->as, 4);
	for (unsigned i = 0; done && i < hops; i++) /* some above 65535 */
		done = put_number(b, 1000 + set * 7 + i * 131071, 4);
	return done;
}

/* One to four communities beside the generation. */
static bool put_communities(struct bytes *b, const struct announcement *a, uint32_t set)
{
	unsigned n = 1 + set % 4;
	bool done = put_number(b, OPTIONAL_TRANSITIVE, 1) && put_number(b, COMMUNITIES, 1) &&
	            put_number(b, 4 + 4 * n, 1) && put_number(b, COMMUNITY_AS << 16 | a->generation, 4);

	for (unsigned i = 0; done && i < n; i++)
		done = put_number(b, (3000 + i) << 16 | (set & 0xffff), 4);
	return done;
}

static bool put_attributes(struct bytes *b, const struct announcement *a, uint32_t set)
{
	bool done = put_number(b, WELL_KNOWN, 1) && put_number(b, ORIGIN, 1) && put_number(b, 1, 1) &&
	            put_number(b, set % 3 == 0 ? 2 : 0, 1) && put_as_path(b, a, set);

	done = done && put_number(b, WELL_KNOWN, 1) && put_number(b, NEXT_HOP, 1) && put_number(b, 4, 1) &&
	       put_number(b, a->nexthop, 4);
	if (done && set % 2)
		done = put_number(b, OPTIONAL, 1) && put_number(b, MED, 1) && put_number(b, 4, 1) &&
		       put_number(b, set % 100, 4);
	return done && put_communities(b, a, set);
}

static bool put_prefix(struct bytes *b, uint32_t i)
{
	return put_number(b, table_length(i), 1) && put_number(b, table_network(i) >> 8, 3);
}

/* From order[at] on, what has the same set and fits; moves `at`. */
static bool put_update(
    struct bytes *out, const struct announcement *a, const uint32_t *order, uint32_t n, uint32_t *at)
{
	struct bytes attributes = { 0 }, b = { 0 };
	uint32_t set = table_set(order[*at], a->sets);
	bool done = put_attributes(&attributes, a, set) && put_number(&b, 0, 2) &&
	            put_number(&b, (uint32_t)attributes.n, 2) && put(&b, attributes.data, attributes.n);

	while (done && *at < n && table_set(order[*at], a->sets) == set && HEADER + b.n + 4 <= MESSAGE_MAX)
		done = put_prefix(&b, order[(*at)++]);
	done = done && put_message(out, UPDATE, &b);
	free(attributes.data);
	free(b.data);
	return done;
}

bool talk_announce(const struct announcement *a, struct bytes *out)
{
	uint32_t n = table_count(a->range), at = 0, *order = table_order(a->range, a->sets);
	bool done = order != NULL;

	while (done && at < n)
		done = put_update(out, a, order, n, &at);
	free(order);
	return done;
}

bool talk_withdraw(struct range range, uint32_t sets, struct bytes *out)
{
	uint32_t n = table_count(range), at = 0, *order = table_order(range, sets);
	bool done = order != NULL;

	while (done && at < n) {
		uint32_t some = n - at < 1000 ? n - at : 1000;
		struct bytes b = { 0 };

		done = put_number(&b, some * 4, 2);
		for (uint32_t i = 0; done && i < some; i++)
			done = put_prefix(&b, order[at++]);
		done = done && put_number(&b, 0, 2) && put_message(out, UPDATE, &b);
		free(b.data);
	}
	free(order);
	return done;
}

/* ---- what comes in */

static void heard_one(struct heard *h, int64_t i, uint8_t generation)
{
	uint8_t old;

	*(generation ? &h->prefixes : &h->withdrawals) += 1;
	if (i < 0) {
		h->others++;
		return;
	}
	old = h->generation[i];
	if (old)
		h->count[old]--;
	if (generation)
		h->count[generation]++;
	h->present += (generation != 0) - (old != 0);
	h->generation[i] = generation;
}

static bool hear_prefixes(struct heard *h, const uint8_t *p, size_t n, uint8_t generation)
{
	while (n) {
		uint8_t length = p[0];
		size_t octets = (length + 7U) / 8;
		uint32_t network = 0;

		if (length > 32 || n < 1 + octets)
			return false;
		for (size_t i = 0; i < octets; i++)
			network |= (uint32_t)p[1 + i] << (24 - 8 * i);
		heard_one(h, table_find(network, length), generation);
		p += 1 + octets;
		n -= 1 + octets;
	}
	return true;
}

/* The generation among the communities; 255 where there is none. */
static uint8_t generation_of(const uint8_t *p, size_t n)
{
	for (; n >= 4; p += 4, n -= 4)
		if ((uint32_t)(p[0] << 8 | p[1]) == COMMUNITY_AS && !p[2])
			return p[3];
	return GENERATIONS - 1;
}

static bool hear_attributes(const uint8_t *p, size_t n, uint8_t *ret_generation)
{
	while (n) {
		size_t head = p[0] & EXTENDED_LENGTH ? 4 : 3, length;

		if (n < head)
			return false;
		length = head == 4 ? (size_t)(p[2] << 8 | p[3]) : p[2];
		if (n < head + length)
			return false;
		if (p[1] == COMMUNITIES)
			*ret_generation = generation_of(p + head, length);
		p += head + length;
		n -= head + length;
	}
	return true;
}

bool talk_hear(struct heard *h, const uint8_t *body, size_t n)
{
	uint8_t generation = GENERATIONS - 1;
	size_t withdrawn, attributes;

	h->updates++;
	if (n < 4)
		return false;
	withdrawn = (size_t)(body[0] << 8 | body[1]);
	if (n < 4 + withdrawn || !hear_prefixes(h, body + 2, withdrawn, 0))
		return false;
	body += 2 + withdrawn;
	n -= 2 + withdrawn;
	attributes = (size_t)(body[0] << 8 | body[1]);
	if (n < 2 + attributes || !hear_attributes(body + 2, attributes, &generation))
		return false;
	return hear_prefixes(h, body + 2 + attributes, n - 2 - attributes, generation);
}
