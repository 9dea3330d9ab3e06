/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of policy share; included by bgp/policy*.c only. */
#ifndef CW_BGP_POLICY_INTERNAL_H
#define CW_BGP_POLICY_INTERNAL_H

#include "base/ptrie.h"
#include "bgp/as_regex.h"
#include "bgp/policy_apply.h"

struct prefix_entry {
	struct bgp_prefix_entry e;
	struct prefix_entry *next; /* of the same prefix, further down the list */
};
struct bgp_prefix_list {
	unsigned refs;
	struct ptrie *trie; /* prefix -> its first entry */
	size_t n;
	struct prefix_entry entry[];
};
struct bgp_path_list {
	unsigned refs;
	size_t n;
	struct as_regex *regex[];
};
struct bgp_community_list {
	unsigned refs;
	size_t n;
	struct bgp_community c[];
};
struct bgp_policy {
	unsigned refs;
	char name[BGP_POLICY_NAME_MAX + 1];
	enum bgp_policy_action otherwise;
	bool by_route;
	size_t n;
	struct bgp_policy_rule rule[];
};

/* policy_lists.c */
bool path_list_match(const struct bgp_path_list *l, const char *text, size_t len);
bool prefix_list_same(const struct bgp_prefix_list *a, const struct bgp_prefix_list *b);
bool path_list_same(const struct bgp_path_list *a, const struct bgp_path_list *b);
bool communities_same(const struct bgp_community *a, size_t n_a, const struct bgp_community *b, size_t n_b);

/* policy_community.c: communities of all three kinds in a route's attributes */
bool community_list_match(const struct bgp_community_list *l, const struct attrs *a);
/* Room is taken from *w; false when there is none left. */
bool communities_change(struct attrs *a, const struct bgp_policy_set *set, struct wr *w);

#endif
