/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path attributes: a value type, their parser and their builder. One table (attr.c) knows each attribute's
 * flags, length and fault.
 */
#ifndef CW_BGP_ATTR_H
#define CW_BGP_ATTR_H

#include "base/addr.h"
#include "base/cursor.h"
#include "bgp/as_path.h"
#include "bgp/fault.h"
#include "bgp/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define BGP_DEFAULT_LOCAL_PREF 100

/* The attributes of a route, as values. The bytes belong to somebody else (a message, a scratch buffer, a
 * set). */
struct attrs {
	struct addr nexthop; /* NEXT_HOP, or the one of MP_REACH_NLRI */
	uint8_t origin;
	bool have_med, have_local_pref, atomic_aggregate, have_aggregator, have_originator;
	/*
	 * Somebody on the way did not know them: the Partial bit, once set, stays (RFC 4271 5). Those in
	 * `other` have theirs there.
	 */
	bool aggregator_partial, communities_partial;
	uint32_t med, local_pref;
	uint32_t aggregator_as, aggregator_id;
	uint32_t originator_id;
	uint16_t cluster_len; /* entries of CLUSTER_LIST */
	uint32_t
	    weight; /* ours alone, set by policy and never on the wire; the higher wins before all else */
	struct bytes cluster_list; /* as on the wire, 4 bytes each */
	struct bytes as_path;      /* 4-octet form */
	struct bytes communities;  /* as on the wire, 4 bytes each */
	/*
	 * Optional transitive attributes that travel on as they came: type, flags, 2 bytes of length, data,
	 * one after the other. Ours to pass on; the ones we don't know get the Partial bit.
	 */
	struct bytes other;
};

/* A walk over `other`, from rd_init(a->other.p, a->other.len) to false. */
struct attr_other {
	uint8_t type, flags;
	struct rd value;
};
bool attr_other_next(struct rd *r, struct attr_other *ret_attr);
/* The value of the one of this type; false: it is not there. */
bool attr_other_find(const struct attrs *a, uint8_t type, struct rd *ret_value);

/* One MP_REACH_NLRI or MP_UNREACH_NLRI. */
struct mp_nlri {
	bool present;
	uint16_t afi;
	uint8_t safi;
	bool known; /* the family is one of ours and negotiated; else the prefixes are not looked at */
	enum bgp_family family;
	struct rd prefixes; /* well-formed unless the fault says otherwise */
	int n;
};

#define ATTR_FAULTS_MAX 8
struct attr_faults {
	enum reaction worst;
	enum fault first_worst; /* the first of that severity */
	uint8_t first_type;
	enum fault withdraw; /* the first that makes the routes count as withdrawn; FAULT_NONE: none does */
	struct {
		enum fault fault;
		uint8_t type; /* of the attribute; 0: none in particular */
	} list[ATTR_FAULTS_MAX];
	unsigned n; /* more than the list holds are counted no further */
	bool disable[BGP_N_FAMILIES];
};
void faults_add(struct attr_faults *f, enum fault fault, uint8_t type);

/* Under which terms a message is read and written. */
struct attr_context {
	bool four_octet;
	bool internal; /* iBGP */
	bool family[BGP_N_FAMILIES];
	bool path_ids[BGP_N_FAMILIES]; /* each prefix has a path identifier before it (RFC 7911) */
};

/* Room for what the parser must build: paths widened or merged, attributes that travel on. */
struct attr_scratch {
	uint8_t path[AS_PATH_READ_MAX], path4[AS_PATH_READ_MAX], merged[AS_PATH_BYTES_MAX];
	uint8_t other[BGP_EXTENDED_MAX + 1024 +
	              64]; /* the longer heads of 256 short ones, and what we add on the way out */
};

struct attr_view {
	struct attrs attrs;
	uint32_t seen[8]; /* a bit for each type */
	struct mp_nlri reach, unreach;
	struct addr mp_nexthop;
	struct attr_faults faults;
};
static inline bool attr_seen(const struct attr_view *v, uint8_t type)
{
	return v->seen[type >> 5] >> (type & 31) & 1;
}

/*
 * Parses the attributes of one UPDATE. Always fills the view; faults are in it. The view points into the
 * message and into scratch. Mandatory attributes are checked by attrs_check_mandatory, once the prefixes are
 * known.
 */
void attrs_parse(
    struct rd r, const struct attr_context *ctx, struct attr_scratch *scratch, struct attr_view *ret_view);
void attrs_check_mandatory(struct attr_view *v, bool have_nlri);

/*
 * Writes attributes in the order of their types, all but MP_*; NEXT_HOP only where with_nexthop (the IPv4
 * form). LOCAL_PREF goes out only internally.
 */
void attrs_build(struct wr *w, const struct attrs *a, const struct attr_context *ctx, bool with_nexthop);
/* MP_REACH_NLRI: mp_reach_begin, prefixes by nlri_build, mp_end. MP_UNREACH_NLRI likewise. */
size_t mp_reach_begin(struct wr *w, enum bgp_family family, const struct addr *nexthop);
size_t mp_unreach_begin(struct wr *w, enum bgp_family family);
void mp_end(struct wr *w, size_t mark);

const char *attr_name(uint8_t type); /* "AS_PATH"; "attribute" when unknown */
bool attr_family(uint16_t afi, uint8_t safi, enum bgp_family *ret_family);

#endif
