/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others have in the kernel, as far as it was asked for: the foreign routes that announcements hang on.
 * There may be a million foreign routes beside us, so the list holds only routes of the protocols asked for,
 * and those that equal the prefixes asked for or lie in them, and at most FIB_SOURCES_MAX. It is made anew
 * when a foreign route or a link changed, once a round.
 */
#include "connector/fib/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sources {
	uint8_t protocol[32]; /* a bit for each */
	struct prefix *within;
	size_t n_within;
	struct fib_source *list;
	size_t n;
	bool cut;
};

static bool asked(const struct sources *s, const struct prefix *p, uint8_t protocol)
{
	if (s->protocol[protocol >> 3] >> (protocol & 7) & 1)
		return true;
	for (size_t i = 0; i < s->n_within; i++)
		if (prefix_contains(&s->within[i], p) &&
		    (s->within[i].len || !p->len)) /* a default asks for itself */
			return true;
	return false;
}

/* The first usable way's interface; "" of a reject, which needs none. False: it leads nowhere, or into a
 * tunnel of ours. */
static bool leads_out(struct fib *f, const struct foreign *x, char ret_interface[FIB_INTERFACE_MAX])
{
	struct fib_way object[FIB_WAYS_MAX];
	const struct fib_way *way = x->way;
	unsigned n = x->n_ways;

	ret_interface[0] = '\0';
	if (x->type == FIB_REJECT)
		return true;
	if (x->type != FIB_UNICAST)
		return false;
	if (!n && x->nhid) {
		n = foreign_nexthop_ways(f, x->nhid, object);
		way = object;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct link *l = link_get(f, way[i].ifindex, false);

		if (!l || l->ours || l->dropped || !link_usable(f, way[i].ifindex))
			continue;
		snprintf(ret_interface, FIB_INTERFACE_MAX, "%s", l->name);
		return true;
	}
	return false;
}

static void gather(struct fib *f, struct sources *s, struct fib_source list[FIB_SOURCES_MAX])
{
	struct prefix p;
	void *v;

	s->cut = false;
	s->n = 0;
	for (bool more = ptrie_first(f->foreign, &p, &v); more; more = ptrie_after(f->foreign, &p, &p, &v)) {
		for (const struct foreign *x = v; x; x = x->next) {
			struct fib_source one = { .prefix = p, .protocol = x->protocol };

			if (x->protocol == FIB_PROTOCOL || !asked(s, &p, x->protocol) ||
			    !leads_out(f, x, one.interface))
				continue;
			if (s->n == FIB_SOURCES_MAX) {
				s->cut = true;
				return;
			}
			list[s->n++] = one;
		}
	}
}

static bool same_list(const struct fib_source *a, const struct fib_source *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!prefix_eq(&a[i].prefix, &b[i].prefix) || a[i].protocol != b[i].protocol ||
		    strcmp(a[i].interface, b[i].interface) != 0)
			return false;
	return true;
}

int fib_watch(struct fib *f, const uint8_t protocol[32], const struct prefix within[], size_t n)
{
	struct sources *s = f->sources;
	struct prefix *copy = calloc(n + 1, sizeof(*copy));

	if (!s)
		s = f->sources = calloc(1, sizeof(*s));
	if (!s || !copy) {
		free(copy);
		return -1;
	}
	if (n)
		memcpy(copy, within, n * sizeof(*copy));
	free(s->within);
	s->within = copy;
	s->n_within = n;
	memcpy(s->protocol, protocol, sizeof(s->protocol));
	f->sources_dirty = true;
	return 0;
}

void sources_settle(struct fib *f)
{
	struct sources *s = f->sources;
	struct fib_source *list, *fit;
	size_t was = s ? s->n : 0;

	if (!s || !f->sources_dirty || f->in_picture)
		return;
	f->sources_dirty = false;
	list = calloc(FIB_SOURCES_MAX, sizeof(*list));
	if (!list)
		return;
	gather(f, s, list);
	if (s->list && was == s->n && same_list(s->list, list, was)) {
		free(list);
		return;
	}
	fit = realloc(list, (s->n + 1) * sizeof(*list));
	free(s->list);
	s->list = fit ? fit : list;
	(void)report_add(f, FIB_REPORT_SOURCES);
}

const struct fib_source *fib_sources(const struct fib *f, size_t *ret_n, bool *ret_cut)
{
	*ret_n = f->sources ? f->sources->n : 0;
	*ret_cut = f->sources && f->sources->cut;
	return f->sources ? f->sources->list : NULL;
}

void sources_free(struct fib *f)
{
	if (!f->sources)
		return;
	free(f->sources->within);
	free(f->sources->list);
	free(f->sources);
}
