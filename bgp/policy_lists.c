/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists that rules name: prefixes, AS-path patterns, communities. Immutable and counted.
 *
 * A prefix list is a trie of its prefixes, each with its entries in order, so that a list of thousands costs
 * a route as many steps as there are entries that cover it, not as the list is long. Which entry decides is
 * still the first in the list.
 */
#include "bgp/policy_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- prefixes --- */
struct bgp_prefix_list *bgp_prefix_list_new(const struct bgp_prefix_entry entry[], size_t n)
{
	struct bgp_prefix_list *l;

	if (n > BGP_POLICY_ENTRIES_MAX)
		return NULL;
	l = calloc(1, sizeof(*l) + n * sizeof(l->entry[0]));
	if (!l)
		return NULL;
	l->refs = 1;
	l->trie = ptrie_new();
	for (l->n = 0; l->trie && l->n < n; l->n++) {
		struct prefix_entry *e = &l->entry[l->n], *before;

		e->e = entry[l->n];
		before = ptrie_get(l->trie, &e->e.prefix);
		if (!before && ptrie_set(l->trie, &e->e.prefix, e) < 0)
			break;
		while (before && before->next)
			before = before->next;
		if (before)
			before->next = e;
	}
	if (l->trie && l->n == n)
		return l;
	bgp_prefix_list_put(l);
	return NULL;
}

struct bgp_prefix_list *bgp_prefix_list_ref(struct bgp_prefix_list *l)
{
	l->refs++;
	return l;
}

void bgp_prefix_list_put(struct bgp_prefix_list *l)
{
	if (!l || --l->refs)
		return;
	ptrie_free(l->trie);
	free(l);
}

bool bgp_prefix_list_match(const struct bgp_prefix_list *l, const struct prefix *p)
{
	struct prefix at = *p;
	const struct prefix_entry *first = NULL, *e;

	while ((e = ptrie_covering(l->trie, &at, &at))) {
		for (; e && (!first || e < first); e = e->next)
			if (p->len >= e->e.ge && p->len <= e->e.le)
				first = e;
		if (at.len == 0)
			break;
		at.len--;
		at = prefix_canonical(at);
	}
	return first && !first->e.deny;
}

bool prefix_list_same(const struct bgp_prefix_list *a, const struct bgp_prefix_list *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct bgp_prefix_entry *x = &a->entry[i].e, *y = &b->entry[i].e;

		if (!prefix_eq(&x->prefix, &y->prefix) || x->ge != y->ge || x->le != y->le ||
		    x->deny != y->deny)
			return false;
	}
	return true;
}

/* --- AS paths --- */
struct bgp_path_list *bgp_path_list_new(const char *const pattern[], size_t n, struct reason *ret_reason)
{
	struct bgp_path_list *l =
	    n <= BGP_POLICY_PATTERNS_MAX ? calloc(1, sizeof(*l) + n * sizeof(l->regex[0])) : NULL;

	if (!l) {
		reason_set(ret_reason, "out-of-memory", "out of memory, or more than %d patterns",
		    BGP_POLICY_PATTERNS_MAX);
		return NULL;
	}
	l->refs = 1;
	for (l->n = 0; l->n < n; l->n++) {
		l->regex[l->n] = as_regex_new(pattern[l->n], ret_reason);
		if (l->regex[l->n])
			continue;
		bgp_path_list_put(l);
		return NULL;
	}
	return l;
}

struct bgp_path_list *bgp_path_list_ref(struct bgp_path_list *l)
{
	l->refs++;
	return l;
}

void bgp_path_list_put(struct bgp_path_list *l)
{
	if (!l || --l->refs)
		return;
	for (size_t i = 0; i < l->n; i++)
		as_regex_free(l->regex[i]);
	free(l);
}

bool path_list_match(const struct bgp_path_list *l, const char *text, size_t len)
{
	for (size_t i = 0; i < l->n; i++)
		if (as_regex_match(l->regex[i], text, len))
			return true;
	return false;
}

bool path_list_same(const struct bgp_path_list *a, const struct bgp_path_list *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(as_regex_pattern(a->regex[i]), as_regex_pattern(b->regex[i])) != 0)
			return false;
	return true;
}

/* --- communities --- */
struct bgp_community_list *bgp_community_list_new(const struct bgp_community c[], size_t n)
{
	struct bgp_community_list *l =
	    n <= BGP_POLICY_PATTERNS_MAX ? calloc(1, sizeof(*l) + n * sizeof(l->c[0])) : NULL;

	if (!l)
		return NULL;
	l->refs = 1;
	l->n = n;
	if (n)
		memcpy(l->c, c, n * sizeof(c[0]));
	return l;
}

struct bgp_community_list *bgp_community_list_ref(struct bgp_community_list *l)
{
	l->refs++;
	return l;
}

void bgp_community_list_put(struct bgp_community_list *l)
{
	if (l && !--l->refs)
		free(l);
}

bool communities_same(const struct bgp_community *a, size_t n_a, const struct bgp_community *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (a[i].len != b[i].len || memcmp(a[i].value, b[i].value, sizeof(a[i].value)) != 0 ||
		    memcmp(a[i].mask, b[i].mask, sizeof(a[i].mask)) != 0)
			return false;
	return true;
}
