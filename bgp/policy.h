/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing policy: named, ordered rules over routes. A policy and the lists that its rules name are immutable
 * and counted, so peers, configurations and views share them; applying one is a pure function.
 *
 * A rule matches when all that it says matches, and what it doesn't say matches anything. Its changes are
 * made, and its action decides: accept, reject, or next (go on to the rule behind it). A chain of policies is
 * looked at as one list of rules. Where no rule decided, the policy's `otherwise` does: next (the following
 * policy), accept or reject; at the end of a chain the route is refused, as BIRD, FRR and Cisco do. No chain
 * at all changes and refuses nothing.
 *
 * What policy can't do: let in or out what the safety rules of import.c and export.c refuse. Those come
 * first.
 */
#ifndef CW_BGP_POLICY_H
#define CW_BGP_POLICY_H

#include "base/addr.h"
#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BGP_POLICY_NAME_MAX        64
#define BGP_POLICY_CHAIN_MAX       8
#define BGP_POLICY_RULES_MAX       1000
#define BGP_POLICY_ENTRIES_MAX     10000 /* of a prefix list */
#define BGP_POLICY_PATTERNS_MAX    256   /* of an AS-path or community list; of communities in a rule */
#define BGP_POLICY_PREPEND_MAX     32
#define BGP_POLICY_COMMUNITY_LISTS 8 /* named by one rule */
#define BGP_POLICY_PEERS_MAX       16

/* --- lists --- */
struct bgp_prefix_entry {
	struct prefix prefix;
	uint8_t ge, le; /* lengths that match: prefix.len itself, unless these say a range */
	bool deny;
};
/* The first entry that matches decides; none: no match. NULL when memory is out or there are too many. */
struct bgp_prefix_list;
struct bgp_prefix_list *bgp_prefix_list_new(const struct bgp_prefix_entry entry[], size_t n);
struct bgp_prefix_list *bgp_prefix_list_ref(struct bgp_prefix_list *l);
void bgp_prefix_list_put(struct bgp_prefix_list *l); /* NULL is legal, as for all of these */
bool bgp_prefix_list_match(const struct bgp_prefix_list *l, const struct prefix *p);

/* Any of the patterns (as_regex.h) matches. */
struct bgp_path_list;
struct bgp_path_list *bgp_path_list_new(const char *const pattern[], size_t n, struct reason *ret_reason);
struct bgp_path_list *bgp_path_list_ref(struct bgp_path_list *l);
void bgp_path_list_put(struct bgp_path_list *l);

/*
 * One community or many: 4 octets (RFC 1997), 8 (extended, RFC 4360) or 12 (large, RFC 8092). Written as
 * "65000:100", "no-export", "65000:1:2", "rt:65000:100", "soo:192.0.2.1:7"; an asterisk for a number means
 * any.
 */
struct bgp_community {
	uint8_t len;
	uint8_t value[12], mask[12]; /* value is zero where mask is */
};
int bgp_community_parse(const char *text, struct bgp_community *ret_community);
/* "no-export" and so on, of a standard one; NULL: it has no name. */
const char *bgp_community_name(uint32_t community);
bool bgp_community_exact(const struct bgp_community *c); /* no asterisk in it */
struct bgp_community_list;                               /* a route that carries any of them matches */
struct bgp_community_list *bgp_community_list_new(const struct bgp_community c[], size_t n);
struct bgp_community_list *bgp_community_list_ref(struct bgp_community_list *l);
void bgp_community_list_put(struct bgp_community_list *l);

/* --- rules --- */
enum bgp_policy_action { BGP_POLICY_ACCEPT, BGP_POLICY_REJECT, BGP_POLICY_NEXT };
enum bgp_policy_nexthop { BGP_NEXTHOP_KEEP, BGP_NEXTHOP_SELF, BGP_NEXTHOP_UNCHANGED, BGP_NEXTHOP_ADDRESS };

struct bgp_policy_match {
	struct bgp_prefix_list *prefixes; /* NULL: any */
	struct bgp_prefix_list *nexthops;
	struct bgp_path_list *path;
	struct bgp_community_list *communities[BGP_POLICY_COMMUNITY_LISTS]; /* all of them */
	unsigned n_communities;
	char peer[BGP_POLICY_PEERS_MAX][BGP_POLICY_NAME_MAX * 2 +
	                                2]; /* whom it was learned from: "site", "site/tunnel", a LAN peer */
	unsigned n_peers;
	bool have_origin, have_med, have_local_pref, have_path_max, have_path_min;
	uint8_t origin;
	uint32_t med, local_pref;
	uint32_t path_min, path_max; /* of the AS path's length, as the decision process counts */
};
struct bgp_policy_set {
	bool have_local_pref, have_weight, have_origin;
	uint32_t local_pref, weight;
	uint8_t origin;
	enum { BGP_MED_KEEP, BGP_MED_SET, BGP_MED_ADD, BGP_MED_NONE } med_how;
	int64_t med;         /* what is added may be negative; the result stays within 32 bits */
	unsigned prepend;    /* times */
	uint32_t prepend_as; /* 0: our own AS when exporting, the peer's when importing (our own would make a
	                        loop of it) */
	bool replace_communities; /* those it has go first */
	struct bgp_community *add, *remove;
	size_t n_add, n_remove;
	enum bgp_policy_nexthop nexthop_how;
	struct addr nexthop[2]; /* IPv4, IPv6; none: left as it is */
};
struct bgp_policy_rule {
	char name[BGP_POLICY_NAME_MAX + 1];
	struct bgp_policy_match match;
	struct bgp_policy_set set;
	enum bgp_policy_action action;
};

struct bgp_policy;
/* Copies the rules and takes references of its own to the lists that they name. NULL when memory is out. */
struct bgp_policy *bgp_policy_new(
    const char *name, const struct bgp_policy_rule rule[], size_t n, enum bgp_policy_action otherwise);
struct bgp_policy *bgp_policy_ref(struct bgp_policy *p);
void bgp_policy_put(struct bgp_policy *p);
const char *bgp_policy_name(const struct bgp_policy *p);

struct bgp_policy_chain {
	struct bgp_policy *policy[BGP_POLICY_CHAIN_MAX];
	unsigned n; /* 0: no policy */
};
/* They say the same, lists included: nothing has to be judged anew. */
bool bgp_policy_chain_same(const struct bgp_policy_chain *a, const struct bgp_policy_chain *b);
/* What it says depends on more than the attributes (prefix, peer): the outcome for one route is not that for
 * all of the set. */
bool bgp_policy_chain_by_route(const struct bgp_policy_chain *c);
void bgp_policy_chain_ref(const struct bgp_policy_chain *c);
void bgp_policy_chain_put(struct bgp_policy_chain *c); /* and empties it */

#endif
