/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Malformed UPDATEs by the tens of thousand, against the reaction that the RFCs expect. The expectation is
 * typed from RFC 7606 and each attribute's own RFC, and shares nothing with the code under test: not its
 * table, not its parser, not its builder.
 *
 * One speaker, two peers: x, who sends (external, internal, or external with 2-octet AS numbers), and y, a
 * router of the LAN, who must never see the damage. Before each case x announces a sound route for the same
 * prefix, so that all three ends can be told apart at y: accepted is an UPDATE with exactly the attributes
 * expected, treated as withdrawn is a withdrawal, a reset is a withdrawal and a NOTIFICATION to x. After each
 * case that leaves the session up, the speaker's own view must agree.
 */
#include "tests/support/bgp_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- the table: each attribute's flags, lengths and reactions --- */
enum reaction_of { R_WITHDRAW = WITHDRAW, R_DISCARD = DISCARD };
enum travels { STAYS, PASSES, PASSES_PARTIAL };

static const struct row {
	unsigned type;
	const char *name;
	unsigned flags;             /* Optional 0x80, Transitive 0x40, as its RFC has it */
	unsigned least, unit, most; /* of a sound value: `least` + k * unit, at most `most` */
	enum reaction_of bad_length;
	bool internal_only;   /* from an external peer: discarded, whatever its form */
	enum travels travels; /* to y, an external peer */
	const char *rfc;
} rows[] = {
	{ 4, "MULTI_EXIT_DISC", 0x80, 4, 4, 4, R_WITHDRAW, false, STAYS, "RFC 7606 7.4" },
	{ 5, "LOCAL_PREF", 0x40, 4, 4, 4, R_WITHDRAW, true, STAYS, "RFC 7606 7.5" },
	{ 6, "ATOMIC_AGGREGATE", 0x40, 0, 1, 0, R_DISCARD, false, PASSES, "RFC 7606 7.6" },
	{ 8, "COMMUNITIES", 0xc0, 4, 4, 9999, R_WITHDRAW, false, PASSES, "RFC 7606 7.8, RFC 1997" },
	{ 9, "ORIGINATOR_ID", 0x80, 4, 4, 4, R_WITHDRAW, true, STAYS, "RFC 7606 7.9" },
	{ 10, "CLUSTER_LIST", 0x80, 4, 4, 9999, R_WITHDRAW, true, STAYS, "RFC 7606 7.10" },
	{ 16, "EXTENDED COMMUNITIES", 0xc0, 8, 8, 9999, R_WITHDRAW, false, PASSES, "RFC 7606 7.14" },
	{ 25, "IPV6 EXTENDED COMMUNITIES", 0xc0, 20, 20, 9999, R_WITHDRAW, false, PASSES, "RFC 7606 7.15" },
	{ 32, "LARGE_COMMUNITY", 0xc0, 12, 12, 9999, R_WITHDRAW, false, PASSES, "RFC 8092 6" },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool sound_length(const struct row *r, size_t len)
{
	return len >= r->least && len <= r->most && (len - r->least) % r->unit == 0;
}

/* Values that mean nothing in particular: community 1:2 and the like, identifiers of others. */
static void fill(uint8_t *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		value[i] = (uint8_t)(i % 4 == 1 ? 1 : i % 4 == 3 ? 2 + i / 4 : 0);
}

static struct expect expect_row(
    const struct row *r, enum context c, unsigned flags, const uint8_t *value, size_t len)
{
	struct expect e = { .o = ACCEPT, .type = r->type, .value = value, .len = len };

	if (r->internal_only && c != INTERNAL) {
		e.o = DISCARD;
	} else if ((flags & 0xc0) != r->flags) {
		e.o = WITHDRAW; /* RFC 7606 3 c */
	} else if (!sound_length(r, len)) {
		e.o = (enum outcome)r->bad_length;
	} else if (r->travels == PASSES) {
		/* RFC 4271 5: a Partial bit that somebody has set stays set; of well-known ones it means
		 * nothing. */
		e.flags = r->flags == 0x40 ? 0x40 : r->flags | (flags & 0x20);
	}
	return e;
}

/* Every combination of flags (the low four are to be ignored), each length from 0 to beyond. */
static void test_flags_and_lengths(void **state)
{
	(void)state;
	for (unsigned c = 0; c <= INTERNAL; c++) {
		struct world *w = NULL;

		for (size_t i = 0; i < N_ROWS; i++)
			for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15)
				for (size_t len = 0; len <= 2 * rows[i].least + rows[i].unit + 2; len++) {
					struct bytes_buf a = { .len = 0 };
					uint8_t value[128];
					struct expect e;

					fill(value, len);
					put_sound(&a, (enum context)c, 0, 0);
					put_attr(&a, flags, rows[i].type, value, len);
					e = expect_row(&rows[i], (enum context)c, flags, value, len);
					snprintf(what, sizeof(what), "%s, %s, flags %02x, length %zu (%s)",
					    context_name[c], rows[i].name, flags, len, rows[i].rfc);
					run(&w, (enum context)c, &a, net4, sizeof(net4), &e);
				}
		world_free(w);
	}
}

/* --- attributes we have no row for: unknown here --- */
static void test_unknown(void **state)
{
	/* PMSI_TUNNEL, Tunnel Encapsulation, Traffic Engineering, AIGP, PE labels, BGP-LS, BGPsec_PATH, SFP,
	 * Prefix-SID, ATTR_SET, none, development */
	static const unsigned types[] = { 22, 23, 24, 26, 27, 29, 33, 37, 40, 99, 128, 255 };
	struct world *w = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15)
			for (size_t len = 0; len <= 9; len++) {
				struct bytes_buf a = { .len = 0 };
				uint8_t value[16];
				struct expect e = {
					.o = ACCEPT, .type = types[i], .value = value, .len = len
				};

				if (!(flags & 0x80) && len > 1)
					continue; /* each costs a session */
				fill(value, len);
				put_sound(&a, EXTERNAL, 0, 0);
				e.data = a.b + a.len;
				put_attr(&a, flags, types[i], value, len);
				if (!(flags & 0x80)) { /* RFC 4271 6.3: unrecognized well-known */
					e.o = RESET;
					e.subcode = 2;
					e.data_len = (size_t)(a.b + a.len - e.data);
				} else if (flags & 0x40) {
					e.flags = 0xe0; /* RFC 4271 5: on, and marked Partial */
				}
				snprintf(what, sizeof(what), "unknown %u, flags %02x, length %zu", types[i],
				    flags, len);
				run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
			}
	world_free(w);
}

/* --- the mandatory ones --- */
static void test_origin(void **state)
{
	struct world *w = NULL;

	(void)state;
	for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15)
		for (size_t len = 0; len <= 4; len++)
			for (unsigned v = 0; v < 256; v += v < 4 ? 1 : 63) {
				struct bytes_buf a = { .len = 0 };
				uint8_t value[4] = { (uint8_t)v };
				struct expect e = { .o = ACCEPT, .origin = v };

				if (v == 1)
					continue; /* the baseline's: nothing to tell */
				put_attr(&a, flags, 1, value, len);
				put_sound(&a, EXTERNAL, 0, 1);
				if ((flags & 0xc0) != 0x40 || len != 1 || v > 2)
					e.o = WITHDRAW;
				snprintf(
				    what, sizeof(what), "ORIGIN %u, flags %02x, length %zu", v, flags, len);
				run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
			}
	world_free(w);
}

static void test_next_hop(void **state)
{
	struct world *w = NULL;

	(void)state;
	for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15)
		for (size_t len = 0; len <= 20; len++) {
			struct bytes_buf a = { .len = 0 };
			uint8_t value[20] = { 0 };
			struct expect e = { .o = ACCEPT };

			memcpy(value, nexthop, 4);
			put_sound(&a, EXTERNAL, 0, 3);
			put_attr(&a, flags, 3, value, len);
			if ((flags & 0xc0) != 0x40 || len != 4)
				e.o = WITHDRAW;
			snprintf(what, sizeof(what), "NEXT_HOP, flags %02x, length %zu", flags, len);
			run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
		}
	world_free(w);
}

static void test_missing(void **state)
{
	(void)state;
	for (unsigned c = 0; c < N_CONTEXTS; c++) {
		struct world *w = NULL;

		for (unsigned without = 1; without <= 3; without++) {
			struct bytes_buf a = { .len = 0 };
			struct expect e = { .o = WITHDRAW };

			put_sound(&a, (enum context)c, 0, without);
			snprintf(what, sizeof(what), "%s, without attribute %u", context_name[c], without);
			run(&w, (enum context)c, &a, net4, sizeof(net4), &e);
		}
		world_free(w);
	}
}

/* RFC 4271 4.3 and 6.3, RFC 7606 7.2, RFC 7607, RFC 5065 5: what a path must be, told apart by hand. */
static bool sound_path(const uint8_t *p, size_t len, unsigned width)
{
	size_t at = 0;

	while (at < len) {
		unsigned n;

		if (len - at < 2 || (p[at] != 1 && p[at] != 2) || p[at + 1] == 0)
			return false;
		n = p[at + 1];
		at += 2;
		if (len - at < (size_t)n * width)
			return false;
		for (unsigned i = 0; i < n; i++, at += width) {
			bool zero = true;

			for (unsigned k = 0; k < width; k++)
				zero = zero && p[at + k] == 0;
			if (zero)
				return false;
		}
	}
	return true;
}

/* A sound path of several segments, with each byte changed to each interesting value, and cut at each length.
 */
static void test_as_path(void **state)
{
	static const uint8_t four[] = { 2, 2, 0, 0, 0xff, 0xeb, 0, 1, 0, 1, 1, 2, 0, 0, 0, 9, 0, 0, 0, 8, 2,
		1, 0, 0, 0, 7 };
	static const uint8_t two[] = { 2, 2, 0xff, 0xeb, 1, 1, 1, 2, 0, 9, 0, 8, 2, 1, 0, 7 };

	(void)state;
	for (unsigned c = 0; c <= TWO_OCTET; c += 2) {
		const uint8_t *path = c == TWO_OCTET ? two : four;
		size_t size = c == TWO_OCTET ? sizeof(two) : sizeof(four);
		unsigned width = c == TWO_OCTET ? 2 : 4;
		struct world *w = NULL;

		for (size_t cut = 0; cut <= size; cut++)
			for (size_t at = 0; at <= size; at++)
				for (unsigned v = 0; v < 256; v += v < 5 ? 1 : 50) {
					struct bytes_buf a = { .len = 0 };
					uint8_t value[sizeof(four)];
					struct expect e = { .o = ACCEPT };

					/* The first AS stays x's: another refuses the route for another
					 * reason. */
					if ((at >= 2 && at < 2 + width) || (at == size && v))
						continue;
					if (cut != size && v != 0 && v != 3)
						continue;
					memcpy(value, path, size);
					if (at < size)
						value[at] = (uint8_t)v;
					put_attr(&a, 0x40, 1, "\0", 1);
					put_attr(&a, 0x40, 2, value, cut);
					put_attr(&a, 0x40, 3, nexthop, 4);
					if (!sound_path(value, cut, width) || cut == 0 || value[0] != 2)
						e.o = WITHDRAW; /* an empty one, or a set first, is no path of
						                   x's */
					snprintf(what, sizeof(what), "%s, AS_PATH cut at %zu, byte %zu is %u",
					    context_name[c], cut, at, v);
					run(&w, (enum context)c, &a, net4, sizeof(net4), &e);
				}
		for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15) {
			struct bytes_buf a = { .len = 0 };
			struct expect e = { .o = (flags & 0xc0) == 0x40 ? ACCEPT : WITHDRAW };

			put_sound(&a, (enum context)c, 0, 2);
			put_attr(&a, flags, 2, path, size);
			snprintf(what, sizeof(what), "AS_PATH, flags %02x", flags);
			run(&w, (enum context)c, &a, net4, sizeof(net4), &e);
		}
		world_free(w);
	}
}

/* --- what depends on the width of AS numbers (RFC 6793) --- */
static void test_aggregator(void **state)
{
	static const uint8_t value[12] = { 0, 0, 0, 9, 1, 2, 3, 4 }, value2[12] = { 0, 9, 1, 2, 3, 4 },
	                     zero[12] = { 0, 0, 0, 0, 1, 2, 3, 4 };

	(void)state;
	for (unsigned c = 0; c < N_CONTEXTS; c++) {
		struct world *w = NULL;

		for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15)
			for (size_t len = 0; len <= 12; len++)
				for (int as0 = 0; as0 < 2; as0++) {
					const uint8_t *v = as0 ? zero : c == TWO_OCTET ? value2 : value;
					size_t sound = c == TWO_OCTET ? 6 : 8;
					struct bytes_buf a = { .len = 0 };
					struct expect e = {
						.o = ACCEPT, .type = 7, .value = value, .len = 8
					};

					put_sound(&a, (enum context)c, 0, 0);
					put_attr(&a, flags, 7, v, len);
					if ((flags & 0xc0) != 0xc0)
						e.o = WITHDRAW;
					else if (len != sound || as0) /* RFC 7606 7.7, RFC 7607 2 */
						e.o = DISCARD;
					else
						e.flags = 0xc0 | (flags & 0x20);
					snprintf(what, sizeof(what),
					    "%s, AGGREGATOR%s, flags %02x, length %zu", context_name[c],
					    as0 ? " of AS 0" : "", flags, len);
					run(&w, (enum context)c, &a, net4, sizeof(net4), &e);
				}
		world_free(w);
	}
}

/* AS4_PATH and AS4_AGGREGATOR: from a 4-octet speaker discarded; malformed ones of a 2-octet speaker, too
 * (RFC 6793 3, 6). */
static void test_as4(void **state)
{
	static const uint8_t value[14] = { 2, 1, 0, 0, 0xff, 0xeb, 1, 1, 0, 0, 0, 9, 0, 0 };

	(void)state;
	for (unsigned c = 0; c <= TWO_OCTET; c += 2) {
		struct world *w = NULL;

		for (unsigned type = 17; type <= 18; type++)
			for (unsigned flags = 0; flags < 256; flags += flags % 16 ? 1 : 15)
				for (size_t len = 0; len <= sizeof(value); len++) {
					struct bytes_buf a = { .len = 0 };
					struct expect e = { .o = (flags & 0xc0) == 0xc0 ? ACCEPT : WITHDRAW };

					put_sound(&a, (enum context)c, 0, 0);
					put_attr(&a, flags, type, value, len);
					snprintf(what, sizeof(what),
					    "%s, AS4 attribute %u, flags %02x, length %zu", context_name[c],
					    type, flags, len);
					run(&w, (enum context)c, &a, net4, sizeof(net4), &e);
				}
		world_free(w);
	}
}

/* --- repeated ones (RFC 7606 3 g): the first counts, but for MP_REACH_NLRI and MP_UNREACH_NLRI --- */
static void test_twice(void **state)
{
	static const struct {
		unsigned type, flags;
		const void *value;
		size_t len;
		bool seen; /* by y */
	} one[] = {
		{ 1, 0x40, "\x00", 1, false },
		{ 2, 0x40, "\x02\x01\x00\x00\xff\xeb", 6, false },
		{ 3, 0x40, nexthop, 4, false },
		{ 4, 0x80, "\0\0\0\1", 4, false },
		{ 6, 0x40, "", 0, true },
		{ 7, 0xc0, "\0\0\0\11\1\2\3\4", 8, true },
		{ 8, 0xc0, "\0\1\0\2", 4, true },
		{ 16, 0xc0, "\0\2\0\1\0\0\0\1", 8, true },
		{ 32, 0xc0, "\0\0\0\1\0\0\0\2\0\0\0\3", 12, true },
	};
	static const uint8_t junk[20] = { 7, 7, 7 };
	struct world *w = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		for (size_t len = 0; len <= sizeof(junk); len++)
			for (unsigned flags = 0; flags < 256; flags += 16) {
				struct bytes_buf a = { .len = 0 };
				struct expect e = { .o = DISCARD,
					.type = one[i].type,
					.value = one[i].value,
					.len = one[i].len };

				put_sound(&a, EXTERNAL, 0, 0);
				if (one[i].type > 3)
					put_attr(&a, one[i].flags, one[i].type, one[i].value, one[i].len);
				put_attr(&a, flags, one[i].type, junk, len); /* whatever its form */
				e.flags = one[i].seen ? one[i].flags : 0;
				snprintf(what, sizeof(what), "attribute %u again, flags %02x, length %zu",
				    one[i].type, flags, len);
				run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
			}
	for (unsigned type = 14; type <= 15; type++)
		for (int sound = 0; sound < 2; sound++) {
			struct bytes_buf a = { .len = 0 };
			struct expect e = { .o = RESET, .subcode = 1 };
			const uint8_t *v = type == 14 ? reach6 : unreach6;
			size_t len = type == 14 ? sizeof(reach6) : sizeof(unreach6);

			put_sound(&a, EXTERNAL, 0, 0);
			put_attr(&a, 0x80, type, v, len);
			put_attr(&a, 0x80, type, v, sound ? len : 2);
			snprintf(what, sizeof(what), "MP attribute %u again", type);
			run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
		}
	world_free(w);
}

/* --- the list of attributes cut, and lengths that lie (RFC 7606 4) --- */
static void test_cut_list(void **state)
{
	struct bytes_buf all = { .len = 0 };
	size_t edge[8], n = 0;
	struct world *w = NULL;

	(void)state;
	put_sound(&all, EXTERNAL, 0, 0);
	edge[n++] = all.len;
	put_attr(&all, 0x80, 4, "\0\0\0\1", 4);
	edge[n++] = all.len;
	put_attr(&all, 0xd0, 8, "\0\1\0\2", 4);
	edge[n++] = all.len;
	for (size_t cut = 0; cut <= all.len; cut++) {
		struct bytes_buf a = all;
		struct expect e = {
			.o = WITHDRAW, .type = 8, .value = (const uint8_t *)"\0\1\0\2", .len = 4
		};

		a.len = cut;
		for (size_t i = 0; i < n; i++)
			if (cut == edge[i])
				e.o = ACCEPT;
		e.flags = cut == all.len ? 0xc0 : 0;
		snprintf(what, sizeof(what), "attributes cut at %zu of %zu", cut, all.len);
		run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
	}
	/* The last attribute claims more than there is. */
	for (unsigned type = 1; type < 256; type += type < 34 ? 1 : 37)
		for (size_t more = 1; more < 250; more += more < 6 ? 1 : 81)
			for (unsigned flags = 0; flags < 256; flags += 16) {
				struct bytes_buf a = { .len = 0 };
				struct expect e = { .o = WITHDRAW };

				put_sound(&a, EXTERNAL, 0, 0);
				put8(&a, flags);
				put8(&a, type);
				if (flags & EXT_LEN)
					put16(&a, (unsigned)(4 + more));
				else
					put8(&a, (unsigned)(4 + more));
				put(&a, nexthop, 4);
				snprintf(what, sizeof(what), "attribute %u, flags %02x, overruns by %zu",
				    type, flags, more);
				run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
			}
	world_free(w);
}

/* The lengths of the UPDATE's own parts (RFC 4271 6.3: Malformed Attribute List). */
static void test_frame(void **state)
{
	struct bytes_buf a = { .len = 0 };

	(void)state;
	put_sound(&a, EXTERNAL, 0, 0);
	for (unsigned which = 0; which < 2; which++)
		for (unsigned more = 1; more < 70; more += more < 4 ? 1 : 21) {
			struct world *w = world_new(EXTERNAL);
			struct bytes_buf o = { .len = 0 };
			struct expect e = { .o = RESET, .subcode = 1 };

			baseline(w);
			if (which) {
				put16(&o, 0);
				put16(&o, (unsigned)(a.len + sizeof(net4)) + more);
			} else {
				put16(&o, (unsigned)(2 + a.len + sizeof(net4)) - 1 + more);
				put16(&o, (unsigned)a.len);
			}
			put(&o, a.b, a.len);
			put(&o, net4, sizeof(net4));
			snprintf(what, sizeof(what), "%s length too large by %u",
			    which ? "attributes'" : "withdrawn routes'", more);
			say_update(w, o.b, o.len);
			assert_false(judge(w, &e));
			world_free(w);
		}
}

/* --- prefixes (RFC 7606 5.3: nobody knows where the next one begins) --- */
static void test_nlri(void **state)
{
	struct world *w = NULL;

	(void)state;
	for (unsigned bits = 0; bits < 256; bits++)
		for (size_t have = 0; have <= 5; have++) {
			uint8_t nlri[8] = { (uint8_t)bits, 10, 200, 1, 2, 3 };
			struct bytes_buf a = { .len = 0 };
			struct expect e = { .o = RESET, .subcode = 10 };
			size_t need = (bits + 7) / 8;
			bool sound = bits == 16 && have == need;

			if (bits <= 32 && have >= need && !sound)
				continue; /* other prefixes, and what is behind them */
			if (bits > 40 && have != 5)
				continue;
			put_sound(&a, EXTERNAL, 0, 0);
			if (sound)
				e.o = ACCEPT;
			snprintf(what, sizeof(what), "prefix of %u bits in %zu bytes", bits, have);
			run(&w, EXTERNAL, &a, nlri, 1 + have, &e);
		}
	world_free(w);
}

/* --- multiprotocol (RFC 4760, RFC 7606 3 j, 5.3, 7.11): its own family is all that suffers --- */
static void test_mp(void **state)
{
	struct world *w = NULL;

	(void)state;
	for (unsigned nh = 0; nh <= 40; nh++) {
		struct bytes_buf a = { .len = 0 }, v = { .len = 0 };
		struct expect e = { .o = nh == 16 || nh == 32 ? ACCEPT : DISABLE };

		put16(&v, 2);
		put8(&v, 1);
		put8(&v, nh);
		for (unsigned i = 0; i < nh; i++)
			put8(&v, i < 2 ? 0x20 + 0x30 * i : i);
		put8(&v, 0);
		put(&v, reach6 + 21, 7);
		put_sound(&a, EXTERNAL, 0, 0);
		put_attr(&a, 0x80, 14, v.b, v.len);
		snprintf(what, sizeof(what), "MP_REACH_NLRI with a next hop of %u", nh);
		run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
	}
	for (unsigned type = 14; type <= 15; type++) {
		const uint8_t *whole = type == 14 ? reach6 : unreach6;
		size_t size = type == 14 ? sizeof(reach6) : sizeof(unreach6), head = type == 14 ? 21 : 3;

		for (size_t cut = 0; cut < size; cut++) {
			struct bytes_buf a = { .len = 0 };
			struct expect e = { .o = DISABLE };

			put_sound(&a, EXTERNAL, 0, 0);
			e.data = a.b + a.len;
			put_attr(&a, 0x80, type, whole, cut);
			if (cut < 3) { /* no family known: nothing smaller to give up */
				e.o = RESET;
				e.subcode = 9;
				e.data_len = (size_t)(a.b + a.len - e.data);
			} else if (cut == head) {
				e.o = ACCEPT; /* no prefix */
			}
			snprintf(what, sizeof(what), "MP attribute %u cut at %zu", type, cut);
			run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
		}
		for (unsigned bits = 129; bits < 256; bits += 7) {
			struct bytes_buf a = { .len = 0 }, v = { .len = 0 };
			struct expect e = { .o = DISABLE };

			put(&v, whole, head);
			put8(&v, bits);
			for (unsigned i = 0; i < 32; i++)
				put8(&v, 0x20);
			put_sound(&a, EXTERNAL, 0, 0);
			put_attr(&a, 0x80, type, v.b, v.len);
			snprintf(what, sizeof(what), "MP attribute %u, a prefix of %u bits", type, bits);
			run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
		}
		/* Families nobody agreed on are passed over, whatever is in them. */
		for (unsigned afi = 0; afi < 30; afi++)
			for (unsigned safi = 0; safi < 140; safi += safi < 4 ? 1 : 34) {
				struct bytes_buf a = { .len = 0 }, v = { .len = 0 };
				struct expect e = { .o = ACCEPT };

				if ((afi == 1 || afi == 2) && safi == 1)
					continue;
				put16(&v, afi);
				put8(&v, safi);
				put(&v, whole + 3, 1 + afi % 5);
				put_sound(&a, EXTERNAL, 0, 0);
				put_attr(&a, 0x80, type, v.b, v.len);
				snprintf(
				    what, sizeof(what), "MP attribute %u of family %u/%u", type, afi, safi);
				run(&w, EXTERNAL, &a, net4, sizeof(net4), &e);
			}
	}
	world_free(w);
}

/* RFC 7606 5.2: what is broken beside nothing reachable may have hidden a withdrawal. A discard has not. */
static void test_no_prefix(void **state)
{
	struct world *w = NULL;

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++)
		for (size_t len = 0; len <= rows[i].least + 1; len++) {
			struct bytes_buf a = { .len = 0 };
			uint8_t value[32];
			struct expect e;

			fill(value, len);
			put_sound(&a, EXTERNAL, 0, 0);
			put_attr(&a, rows[i].flags, rows[i].type, value, len);
			e = expect_row(&rows[i], EXTERNAL, rows[i].flags, value, len);
			e.no_nlri = true;
			if (e.o == WITHDRAW) {
				e.o = RESET;
				e.subcode = 1;
			}
			snprintf(what, sizeof(what), "%s of %zu without a prefix", rows[i].name, len);
			run(&w, EXTERNAL, &a, NULL, 0, &e);
		}
	world_free(w);
}

static void test_enough(void **state)
{
	(void)state;
	printf("%u cases\n", cases);
	assert_true(cases > 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags_and_lengths),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_next_hop),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_as_path),
		cmocka_unit_test(test_aggregator),
		cmocka_unit_test(test_as4),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_cut_list),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_nlri),
		cmocka_unit_test(test_mp),
		cmocka_unit_test(test_no_prefix),
		cmocka_unit_test(test_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
