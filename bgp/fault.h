/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with an UPDATE, and what we do then: one table (fault.c), with the RFC that says so.
 * Parsers name a fault; nobody else decides how bad it is.
 */
#ifndef CW_BGP_FAULT_H
#define CW_BGP_FAULT_H

#include <stdint.h>

/* RFC 7606 2, from harmless to severe: the strongest one of a message counts. */
enum reaction {
	REACT_NONE,
	REACT_DISCARD,  /* the attribute is dropped, the route stays */
	REACT_WITHDRAW, /* the routes of this UPDATE are treated as withdrawn */
	REACT_DISABLE,  /* the family is ignored for the rest of the session, its routes go */
	REACT_RESET,    /* NOTIFICATION and close */
};

enum fault {
	FAULT_NONE,
	FAULT_LENGTHS,
	FAULT_WITHDRAWN_SYNTAX,
	FAULT_NLRI_SYNTAX,
	FAULT_ATTR_OVERRUN,
	FAULT_ATTR_TAIL,
	FAULT_FLAGS,
	FAULT_DUPLICATE,
	FAULT_MP_TWICE,
	FAULT_UNKNOWN_WELL_KNOWN,
	FAULT_MISSING,
	FAULT_MISSING_NLRI,
	FAULT_ORIGIN,
	FAULT_AS_PATH,
	FAULT_NEXT_HOP,
	FAULT_MED,
	FAULT_LOCAL_PREF,
	FAULT_LOCAL_PREF_EXTERNAL,
	FAULT_ATOMIC_AGGREGATE,
	FAULT_AGGREGATOR,
	FAULT_COMMUNITIES,
	FAULT_ORIGINATOR_ID,
	FAULT_ORIGINATOR_ID_EXTERNAL,
	FAULT_CLUSTER_LIST,
	FAULT_CLUSTER_LIST_EXTERNAL,
	FAULT_EXT_COMMUNITIES,
	FAULT_IPV6_EXT_COMMUNITIES,
	FAULT_LARGE_COMMUNITIES,
	FAULT_OTC,
	FAULT_AS4_PATH,
	FAULT_AS4_AGGREGATOR,
	FAULT_AS4_FROM_NEW_SPEAKER,
	FAULT_MP_HEADER,
	FAULT_MP_FAMILY,
	FAULT_MP_NEXT_HOP,
	FAULT_MP_NLRI,
	FAULT_N,
};

struct fault_info {
	enum reaction reaction;
	uint8_t subcode; /* of UPDATE Message Error, should it come to a reset */
	const char *text;
	const char *rfc;
};
const struct fault_info *fault_info(enum fault f);
const char *reaction_name(enum reaction r);

#endif
