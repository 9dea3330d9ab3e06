/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's tunnels and SAs. Inbound SAs are found by their SPI alone, which we chose and which is unique
 * in the process (RFC 4301 4.1); outbound ones hang on their tunnel, and the first is in use: the newest, or
 * the one that IKE went back to.
 */
#include "connector/daemon/plane_user_internal.h"

#include <errno.h>
#include <stdlib.h>

static struct pu_sa **bucket_of(struct pu_worker *w, uint32_t spi)
{
	return &w->by_spi[spi & (PU_HASH_BUCKETS - 1)]; /* our SPIs are random */
}

int pu_tunnel_link(struct pu_worker *w, struct pu_tunnel *t)
{
	if (htab_add(&w->tunnels_by_id, &t->by_id, t->id) < 0)
		return -ENOMEM;
	list_append(&w->tunnels, &t->link);
	return 0;
}

void pu_tunnel_unlink(struct pu_worker *w, struct pu_tunnel *t)
{
	htab_remove(&w->tunnels_by_id, &t->by_id);
	list_remove(&t->link);
}

struct pu_tunnel *pu_tunnel_find(struct pu_worker *w, uint32_t id)
{
	struct hnode *n = htab_find(&w->tunnels_by_id, id);

	return n ? container_of(n, struct pu_tunnel, by_id) : NULL;
}

struct pu_sa *pu_inbound_find(struct pu_worker *w, uint32_t spi)
{
	struct pu_sa *sa = *bucket_of(w, spi);

	while (sa && sa->spi != spi)
		sa = sa->hash_next;
	return sa;
}

struct pu_sa *pu_sa_find(struct pu_worker *w, uint32_t tunnel, bool inbound, uint32_t spi)
{
	struct pu_tunnel *t = pu_tunnel_find(w, tunnel);

	if (!t)
		return NULL;
	list_for_each (inbound ? &t->sas_in : &t->sas_out, struct pu_sa, sa, link) {
		if (sa->spi == spi)
			return sa;
	}
	return NULL;
}

struct pu_sa *pu_tunnel_current(struct pu_tunnel *t)
{
	return list_first(&t->sas_out, struct pu_sa, link);
}

int pu_sa_link(struct pu_worker *w, struct pu_sa *sa)
{
	struct pu_tunnel *t = pu_tunnel_find(w, sa->tunnel_id);

	if (!t)
		return -ENOENT;
	if (sa->inbound ? !!pu_inbound_find(w, sa->spi) : !!pu_sa_find(w, sa->tunnel_id, false, sa->spi))
		return -EEXIST;
	sa->tunnel = t;
	list_prepend(sa->inbound ? &t->sas_in : &t->sas_out, &sa->link);
	if (sa->inbound) {
		sa->hash_next = *bucket_of(w, sa->spi);
		*bucket_of(w, sa->spi) = sa;
	}
	return 0;
}

void pu_sa_use(struct pu_sa *sa)
{
	if (!sa || sa == pu_tunnel_current(sa->tunnel))
		return;
	list_remove(&sa->link);
	list_prepend(&sa->tunnel->sas_out, &sa->link);
}

void pu_sa_unlink(struct pu_worker *w, struct pu_sa *sa)
{
	struct pu_sa **at = bucket_of(w, sa->spi);

	list_remove(&sa->link);
	while (sa->inbound && *at) {
		if (*at == sa) {
			*at = sa->hash_next;
			break;
		}
		at = &(*at)->hash_next;
	}
}

void pu_sa_free(struct pu_sa *sa)
{
	if (!sa)
		return;
	esp_sa_free(sa->esp);
	free(sa);
}
