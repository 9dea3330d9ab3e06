/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found by a number: SAs by serial and SPI, connections by number and remote address, inbound SPIs.
 * Numbers of our own making are spread well and hash as they are; what a peer chooses (its SPI, its address)
 * goes through a keyed hash, so that no one can aim at one chain.
 *
 * A protected message is found by the SPI that is ours, and the sender's Initiator flag says which one that
 * is; the other SPI of the pair is compared.
 */
#include "ike/engine.h"

#include <string.h>

static uint64_t keyed(const struct ike *ike, const void *data, size_t len)
{
	return siphash(&ike->hash_key, data, len);
}

static uint64_t addr_hash(const struct ike *ike, const struct addr *a)
{
	return keyed(ike, a, sizeof(*a)); /* a family and bytes, unused ones zero: no padding */
}

static uint64_t own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

int ike_index_sa(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	if (htab_add(&ike->sas_by_serial, &sa->by_serial, sa->serial))
		return -1;
	if (htab_add(&ike->sas_by_spi, &sa->by_spi, own_spi(sa))) {
		htab_remove(&ike->sas_by_serial, &sa->by_serial);
		return -1;
	}
	if (!sa->initiator &&
	    htab_add(&ike->sas_by_theirs, &sa->by_theirs, keyed(ike, &sa->spi_i, sizeof(sa->spi_i)))) {
		htab_remove(&ike->sas_by_serial, &sa->by_serial);
		htab_remove(&ike->sas_by_spi, &sa->by_spi);
		return -1;
	}
	return 0;
}

void ike_unindex_sa(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	htab_remove(&ike->sas_by_serial, &sa->by_serial);
	htab_remove(&ike->sas_by_spi, &sa->by_spi);
	if (!sa->initiator)
		htab_remove(&ike->sas_by_theirs, &sa->by_theirs);
	ike_unindex_source(sa);
}

/* Who has one IPv6 address has its /64 (RFC 4291 2.5.4, RFC 6177), so that counts as one source. */
static struct addr source_of(const struct addr *a)
{
	struct addr s = *a;

	if (s.family == 6)
		memset(&s.b[8], 0, 8);
	return s;
}

void ike_index_source(struct ike_sa *sa, const struct addr *source)
{
	sa->source = source_of(source);
	sa->sourced =
	    !htab_add(&sa->ike->half_open_by_source, &sa->by_source, addr_hash(sa->ike, &sa->source));
}

void ike_unindex_source(struct ike_sa *sa)
{
	if (sa->sourced)
		htab_remove(&sa->ike->half_open_by_source, &sa->by_source);
	sa->sourced = false;
}

unsigned ike_half_open_of(const struct ike *ike, const struct addr *source)
{
	struct addr from = source_of(source);
	unsigned n = 0;

	for (struct hnode *h = htab_find(&ike->half_open_by_source, addr_hash(ike, &from)); h;
	     h = htab_find_next(h))
		n += addr_eq(&container_of(h, struct ike_sa, by_source)->source, &from);
	return n;
}

struct ike_sa *ike_sa_by_serial(struct ike *ike, uint64_t serial)
{
	struct hnode *h = serial ? htab_find(&ike->sas_by_serial, serial) : NULL;

	return h ? container_of(h, struct ike_sa, by_serial) : NULL;
}

struct ike_sa *ike_sa_by_own_spi(struct ike *ike, uint64_t spi)
{
	for (struct hnode *h = htab_find(&ike->sas_by_spi, spi); h; h = htab_find_next(h)) {
		struct ike_sa *sa = container_of(h, struct ike_sa, by_spi);

		if (sa->state != IKE_SA_DEAD)
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_sa_by_their_spi(struct ike *ike, uint64_t spi_i, struct ike_sa *prev)
{
	struct hnode *h = prev ? htab_find_next(&prev->by_theirs)
	                       : htab_find(&ike->sas_by_theirs, keyed(ike, &spi_i, sizeof(spi_i)));

	for (; h; h = htab_find_next(h)) {
		struct ike_sa *sa = container_of(h, struct ike_sa, by_theirs);

		if (sa->spi_i == spi_i)
			return sa;
	}
	return NULL;
}

/* --- connections --- */

static uint64_t id_hash(uint32_t id)
{
	return ike_action_conn(id);
}

static bool names_before(const struct ike_conn *conn, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (addr_eq(&conn->cfg.remote[j], &conn->cfg.remote[i]))
			return true;
	return false;
}

int ike_index_conn(struct ike_conn *conn)
{
	struct ike *ike = conn->ike;

	ike_unindex_conn(conn);
	if (htab_add(&ike->conns_by_id, &conn->by_id, id_hash(conn->id)))
		return -1;
	conn->indexed = true;
	if (!conn->cfg.n_remote)
		list_append(&ike->any_conns, &conn->any_node);
	for (unsigned i = 0; i < conn->cfg.n_remote; i++) {
		struct ike_conn_remote *r = &conn->by_remote[i];

		r->conn = conn;
		r->addr = conn->cfg.remote[i];
		r->in = !names_before(conn, i);
		if (r->in && htab_add(&ike->conns_by_remote, &r->node, addr_hash(ike, &r->addr))) {
			r->in = false;
			ike_unindex_conn(conn);
			return -1;
		}
	}
	return 0;
}

void ike_unindex_conn(struct ike_conn *conn)
{
	struct ike *ike = conn->ike;

	if (conn->indexed)
		htab_remove(&ike->conns_by_id, &conn->by_id);
	conn->indexed = false;
	list_remove(&conn->any_node);
	for (unsigned i = 0; i < IKE_REMOTES_MAX; i++) {
		if (conn->by_remote[i].in)
			htab_remove(&ike->conns_by_remote, &conn->by_remote[i].node);
		conn->by_remote[i].in = false;
	}
}

struct ike_conn *ike_conn_find(const struct ike *ike, uint32_t id)
{
	for (struct hnode *h = htab_find(&ike->conns_by_id, id_hash(id)); h; h = htab_find_next(h)) {
		struct ike_conn *conn = container_of(h, struct ike_conn, by_id);

		if (conn->id == id)
			return conn;
	}
	return NULL;
}

struct ike_conn *ike_conn_of_action(const struct ike *ike, uint64_t action, const struct ike_conn *prev)
{
	struct hnode *h =
	    prev ? htab_find_next(&prev->by_id) : htab_find(&ike->conns_by_id, ike_action_conn(action));

	return h ? container_of(h, struct ike_conn, by_id) : NULL;
}

static struct ike_conn *naming(struct hnode *h, const struct addr *remote)
{
	for (; h; h = htab_find_next(h)) {
		struct ike_conn_remote *r = container_of(h, struct ike_conn_remote, node);

		if (addr_eq(&r->addr, remote))
			return r->conn;
	}
	return NULL;
}

static const struct hnode *node_for(const struct ike_conn *conn, const struct addr *remote)
{
	for (unsigned i = 0; i < IKE_REMOTES_MAX; i++)
		if (conn->by_remote[i].in && addr_eq(&conn->by_remote[i].addr, remote))
			return &conn->by_remote[i].node;
	return NULL;
}

struct ike_conn *ike_conn_for(const struct ike *ike, const struct addr *remote, const struct ike_conn *prev)
{
	const struct hnode *at = prev ? node_for(prev, remote) : NULL;
	struct ike_conn *conn = NULL;

	if (!prev || at)
		conn =
		    naming(at ? htab_find_next(at) : htab_find(&ike->conns_by_remote, addr_hash(ike, remote)),
		        remote);
	if (conn)
		return conn;
	if (!prev || at)
		return list_first(&ike->any_conns, struct ike_conn, any_node);
	if (prev->any_node.next == &ike->any_conns)
		return NULL;
	return list_entry(prev->any_node.next, struct ike_conn, any_node);
}

/* --- inbound SPIs of child SAs --- */

int ike_spi_take(struct ike *ike, struct ike_spi *s, uint32_t spi, struct ike_child *child)
{
	ike_spi_release(ike, s);
	if (htab_add(&ike->spis, &s->node, spi))
		return -1;
	s->spi = spi;
	s->child = child;
	return 0;
}

void ike_spi_release(struct ike *ike, struct ike_spi *s)
{
	if (s->spi)
		htab_remove(&ike->spis, &s->node);
	s->spi = 0;
}

bool ike_spi_taken(const struct ike *ike, uint32_t spi)
{
	return htab_find(&ike->spis, spi);
}

struct ike_child *ike_child_any(struct ike *ike, uint32_t conn, uint32_t spi_in)
{
	for (struct hnode *h = htab_find(&ike->spis, spi_in); h; h = htab_find_next(h)) {
		struct ike_child *c = container_of(h, struct ike_spi, node)->child;

		if (c && c->sa && c->state != IKE_CHILD_GONE && c->conn->id == conn)
			return c;
	}
	return NULL;
}
