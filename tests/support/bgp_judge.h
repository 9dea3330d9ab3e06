/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One case of tests/exchange/bgp_malformed_test.c: a speaker with two peers, x, who sends (external,
 * internal, or external with 2-octet AS numbers), and y, a router of the LAN. A sound route of x's stands
 * before each case; what y and x were told is read by hand here, with nothing of bgp/.
 */
#ifndef CW_TESTS_SUPPORT_BGP_JUDGE_H
#define CW_TESTS_SUPPORT_BGP_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY    600
#define EXT_LEN 0x10

enum context { EXTERNAL, INTERNAL, TWO_OCTET, N_CONTEXTS };
extern const char *const context_name[N_CONTEXTS];
enum outcome { ACCEPT, DISCARD, WITHDRAW, DISABLE, RESET };

struct bytes_buf {
	uint8_t b[BODY * 2];
	size_t len;
};
void put(struct bytes_buf *o, const void *data, size_t len);
void put8(struct bytes_buf *o, unsigned v);
void put16(struct bytes_buf *o, unsigned v);
void put32(struct bytes_buf *o, uint32_t v);
void put_attr(struct bytes_buf *o, unsigned flags, unsigned type, const void *value, size_t len);

/* Sound attributes of x's; 10.200.0.0/16; 2001:db8:b::/48, and MP attributes with it. */
extern const uint8_t nexthop[4], net4[3], reach6[28], unreach6[10];
/* ORIGIN, AS_PATH, NEXT_HOP, but for the type `without`. */
void put_sound(struct bytes_buf *o, enum context c, unsigned origin, unsigned without);

struct expect {
	enum outcome o;
	unsigned subcode; /* of UPDATE Message Error, for RESET */
	/* and the NOTIFICATION's data (RFC 4271 6.3): the erroneous attribute whole; NULL: none */
	const uint8_t *data;
	size_t data_len;
	/* ACCEPT: what y gets of the attribute under test. flags 0: it must not get it. */
	unsigned type, flags;
	const uint8_t *value;
	size_t len;
	unsigned origin; /* y's */
	bool no_nlri;    /* the case has no IPv4 prefix: the IPv4 route stays as it was */
};

struct world;
struct world *world_new(enum context context);
void world_free(struct world *w); /* NULL is legal */
/* The sound routes that stand before each case. */
void baseline(struct world *w);
/* x says this UPDATE, and all that follows from it is done. */
void say_update(struct world *w, const uint8_t *body, size_t len);
/* Fails the test where it went another way, with `what`. True: the session lives. */
bool judge(struct world *w, const struct expect *e);
/* All of it; *w is made where it is NULL, and NULL again when the session did not live. */
void run(struct world **w, enum context c, const struct bytes_buf *attrs, const uint8_t *nlri,
    size_t nlri_len, const struct expect *e);

extern char what[512]; /* the case under way, for people */
extern unsigned cases; /* judged so far */

#endif
