/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of RFC 7606: fault to reaction. A session reset throws away every route of the peer, so it is
 * left for what cannot be contained: when we don't know where the prefixes are.
 *
 * Where an RFC leaves a choice: broken MP attributes whose family is known disable that family alone (RFC
 * 4760 7), an UPDATE without reachable prefixes whose attributes are broken resets (RFC 7606 5.2), because
 * what should have been withdrawn with it may be what was lost.
 */
#include "bgp/fault.h"

#include "bgp/wire.h"

static const struct fault_info table[FAULT_N] = {
	[FAULT_NONE] = { REACT_NONE, 0, "none", "" },
	[FAULT_LENGTHS] = { REACT_RESET, BGP_UPDATE_ATTR_LIST, "the lengths of the UPDATE's parts exceed it",
	    "RFC 4271 6.3" },
	[FAULT_WITHDRAWN_SYNTAX] = { REACT_RESET, BGP_UPDATE_NETWORK, "malformed withdrawn routes",
	    "RFC 7606 5.3" },
	[FAULT_NLRI_SYNTAX] = { REACT_RESET, BGP_UPDATE_NETWORK, "malformed NLRI", "RFC 7606 5.3" },
	[FAULT_ATTR_OVERRUN] = { REACT_WITHDRAW, BGP_UPDATE_ATTR_LIST,
	    "an attribute runs past the attributes' end", "RFC 7606 4" },
	[FAULT_ATTR_TAIL] = { REACT_WITHDRAW, BGP_UPDATE_ATTR_LIST, "stray bytes behind the last attribute",
	    "RFC 7606 4" },
	[FAULT_FLAGS] = { REACT_WITHDRAW, BGP_UPDATE_FLAGS, "wrong attribute flags", "RFC 7606 3 c" },
	[FAULT_DUPLICATE] = { REACT_DISCARD, BGP_UPDATE_ATTR_LIST, "attribute repeated", "RFC 7606 3 g" },
	[FAULT_MP_TWICE] = { REACT_RESET, BGP_UPDATE_ATTR_LIST, "MP_REACH_NLRI or MP_UNREACH_NLRI repeated",
	    "RFC 7606 3 g" },
	[FAULT_UNKNOWN_WELL_KNOWN] = { REACT_RESET, BGP_UPDATE_UNKNOWN_WELL_KNOWN,
	    "unknown well-known attribute", "RFC 4271 6.3" },
	[FAULT_MISSING] = { REACT_WITHDRAW, BGP_UPDATE_MISSING, "a mandatory attribute is missing",
	    "RFC 7606 3 d" },
	[FAULT_MISSING_NLRI] = { REACT_RESET, BGP_UPDATE_ATTR_LIST,
	    "broken attributes and no reachable prefix", "RFC 7606 5.2" },
	[FAULT_ORIGIN] = { REACT_WITHDRAW, BGP_UPDATE_ORIGIN, "malformed ORIGIN", "RFC 7606 7.1" },
	[FAULT_AS_PATH] = { REACT_WITHDRAW, BGP_UPDATE_AS_PATH, "malformed AS_PATH", "RFC 7606 7.2" },
	[FAULT_NEXT_HOP] = { REACT_WITHDRAW, BGP_UPDATE_NEXT_HOP, "malformed NEXT_HOP", "RFC 7606 7.3" },
	[FAULT_MED] = { REACT_WITHDRAW, BGP_UPDATE_LENGTH, "malformed MULTI_EXIT_DISC", "RFC 7606 7.4" },
	[FAULT_LOCAL_PREF] = { REACT_WITHDRAW, BGP_UPDATE_LENGTH, "malformed LOCAL_PREF", "RFC 7606 7.5" },
	[FAULT_LOCAL_PREF_EXTERNAL] = { REACT_DISCARD, BGP_UPDATE_ATTR_LIST,
	    "LOCAL_PREF from an external peer", "RFC 7606 7.5" },
	[FAULT_ATOMIC_AGGREGATE] = { REACT_DISCARD, BGP_UPDATE_LENGTH, "malformed ATOMIC_AGGREGATE",
	    "RFC 7606 7.6" },
	[FAULT_AGGREGATOR] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL, "malformed AGGREGATOR", "RFC 7606 7.7" },
	[FAULT_COMMUNITIES] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL, "malformed COMMUNITIES",
	    "RFC 7606 7.8" },
	[FAULT_ORIGINATOR_ID] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL, "malformed ORIGINATOR_ID",
	    "RFC 7606 7.9" },
	[FAULT_ORIGINATOR_ID_EXTERNAL] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL,
	    "ORIGINATOR_ID from an external peer", "RFC 7606 7.9" },
	[FAULT_CLUSTER_LIST] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL, "malformed CLUSTER_LIST",
	    "RFC 7606 7.10" },
	[FAULT_CLUSTER_LIST_EXTERNAL] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL,
	    "CLUSTER_LIST from an external peer", "RFC 7606 7.10" },
	[FAULT_EXT_COMMUNITIES] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL, "malformed extended communities",
	    "RFC 7606 7.14" },
	[FAULT_IPV6_EXT_COMMUNITIES] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL,
	    "malformed IPv6 extended communities", "RFC 7606 7.15" },
	[FAULT_LARGE_COMMUNITIES] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL, "malformed large communities",
	    "RFC 8092 5" },
	[FAULT_OTC] = { REACT_WITHDRAW, BGP_UPDATE_OPTIONAL, "malformed OTC", "RFC 9234 5" },
	[FAULT_AS4_PATH] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL, "malformed AS4_PATH", "RFC 6793 6" },
	[FAULT_AS4_AGGREGATOR] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL, "malformed AS4_AGGREGATOR",
	    "RFC 6793 6" },
	[FAULT_AS4_FROM_NEW_SPEAKER] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL,
	    "AS4_PATH or AS4_AGGREGATOR from a 4-octet speaker", "RFC 6793 3" },
	[FAULT_MP_HEADER] = { REACT_RESET, BGP_UPDATE_OPTIONAL,
	    "MP_REACH_NLRI or MP_UNREACH_NLRI without its family", "RFC 7606 3 j" },
	[FAULT_MP_FAMILY] = { REACT_DISCARD, BGP_UPDATE_OPTIONAL,
	    "routes of a family that was not negotiated", "RFC 4760 8" },
	[FAULT_MP_NEXT_HOP] = { REACT_DISABLE, BGP_UPDATE_OPTIONAL,
	    "impossible next hop length in MP_REACH_NLRI", "RFC 7606 7.11" },
	[FAULT_MP_NLRI] = { REACT_DISABLE, BGP_UPDATE_OPTIONAL,
	    "malformed prefixes in a multiprotocol attribute", "RFC 4760 7" },
};

const struct fault_info *fault_info(enum fault f)
{
	return &table[f];
}

const char *reaction_name(enum reaction r)
{
	switch (r) {
	case REACT_NONE: return "nothing";
	case REACT_DISCARD: return "attribute discarded";
	case REACT_WITHDRAW: return "its routes are treated as withdrawn";
	case REACT_DISABLE: return "the address family is ignored until the session restarts";
	case REACT_RESET: return "session reset";
	}
	return "";
}
