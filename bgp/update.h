/* SPDX-License-Identifier: Apache-2.0 */
/* The UPDATE message (RFC 4271 4.3, RFC 4760, RFC 7606): bytes to a typed view with faults, and back. */
#ifndef CW_BGP_UPDATE_H
#define CW_BGP_UPDATE_H

#include "bgp/attr.h"

struct update {
	struct rd withdrawn, nlri; /* IPv4 prefixes, well-formed unless the reaction is a reset */
	int n_withdrawn, n_nlri;
	bool end_of_rib; /* nothing in it at all: of `eor_family` (RFC 4724 2) */
	enum bgp_family eor_family;
	struct attr_view a;
};

/* Judges everything but whether we want the routes. u->a.faults says the reaction. */
void update_parse(
    struct rd body, const struct attr_context *ctx, struct attr_scratch *scratch, struct update *ret_update);

/* The first attribute of this type, with flags, type and length, in the body of an UPDATE; empty: there is
 * none. */
struct rd update_find_attr(struct rd body, uint8_t type);

/*
 * Builders write whole messages. They take prefixes one by one, as many as fit: update_begin, update_add
 * until it says false (that prefix is not in), update_end. All prefixes of one message are of one family.
 */
struct update_builder {
	struct wr w;
	size_t message, attrs, mp; /* marks */
	enum bgp_family family;
	bool withdraw;
	bool path_ids; /* of this family */
	unsigned n;
	size_t rest_len; /* the attributes that follow MP_REACH_NLRI */
	uint8_t rest[BGP_EXTENDED_MAX];
};
/* attrs NULL: withdraw. w's capacity is the limit of the message. False when not even one prefix would fit.
 */
bool update_begin(struct update_builder *b, void *buf, size_t cap, enum bgp_family family,
    const struct attrs *attrs, const struct attr_context *ctx);
bool update_add(struct update_builder *b, const struct prefix *p);
/* The same with a path identifier before the prefix (RFC 7911 3), if the context's path_ids say so. */
bool update_add_path(struct update_builder *b, const struct prefix *p, uint32_t path_id);
size_t update_end(struct update_builder *b); /* the message's length */
/* The End-of-RIB marker of a family (RFC 4724 2). */
void eor_build(struct wr *w, enum bgp_family family);

#endif
