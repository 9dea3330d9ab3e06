/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbound half of a first child SA, before the peer has answered. A responder sends by the new SA from
 * the moment in which it answers IKE_AUTH, so what it sends then overtakes what we make of its answer. Nobody
 * minds on a tunnel that comes up; on one whose old SAs still carry (ike_conn_continues) those packets would
 * be lost. All that the inbound SA needs is known when we ask, but what the peer chooses of our proposals; it
 * will choose what it chose last time. Where it does, the SA stands already; where not, it goes and the right
 * one comes, as ever. Nothing unauthenticated gets in by it: its keys come from the key exchange, and who
 * doesn't prove himself in IKE_AUTH leads to its removal, before a packet of ours has gone anywhere.
 */
#include "ike/engine.h"
#include "ike/ppk.h"
#include "ike/ts.h"

#include <string.h>

static void fill(const struct ike_sa *sa, const struct ike_child_keys *keys, struct ike_child_sa *ret)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	const struct ike_suite *s = &sa->conn->before;

	*ret = (struct ike_child_sa){ .inbound = true,
		.spi = sa->task.spi_in,
		.encr = s->encr,
		.encr_key_bits = s->key_bits,
		.integ = s->integ,
		.esn = s->esn,
		.udp_encap = ike_child_in_udp(sa),
		.local = ike_child_local(sa),
		.remote = ike_child_remote(sa),
		.n_ts_local = cfg->n_tsi,
		.n_ts_remote = cfg->n_tsr };
	memcpy(ret->encr_key, keys->encr_r, sizeof(ret->encr_key)); /* from the responder to us */
	memcpy(ret->integ_key, keys->integ_r, sizeof(ret->integ_key));
	memcpy(ret->ts_local, cfg->tsi, sizeof(ret->ts_local));
	memcpy(ret->ts_remote, cfg->tsr, sizeof(ret->ts_remote));
}

void ike_early_inbound(struct ike_sa *sa)
{
	struct ike_conn *conn = sa->conn;
	struct ike_child_keys keys;

	/* With a post-quantum key the keys are others than they seem to be now (RFC 8784 3). */
	if (!conn->continues || !conn->before.encr || sa->early.add || ike_ppk_configured(conn) ||
	    ike_child_keymat(&sa->keys, &conn->before, &sa->ni, &sa->nr, NULL, &keys))
		return;
	fill(sa, &keys, &sa->early.in);
	cleanse(&keys, sizeof(keys));
	sa->early.add = ike_act_sa_add(sa->ike, conn->id, &sa->early.in, 0);
	cleanse(sa->early.in.encr_key, sizeof(sa->early.in.encr_key));
	cleanse(sa->early.in.integ_key, sizeof(sa->early.in.integ_key));
}

static bool same_ts(const struct ike_ts a[], unsigned n_a, const struct ike_ts b[], unsigned n_b)
{
	return ike_ts_all_within(a, n_a, b, n_b) && ike_ts_all_within(b, n_b, a, n_a);
}

static bool same(const struct ike_child_sa *a, const struct ike_child_sa *b)
{
	return a->spi == b->spi && a->encr == b->encr && a->encr_key_bits == b->encr_key_bits &&
	       a->integ == b->integ && a->esn == b->esn && a->udp_encap == b->udp_encap &&
	       endpoint_eq(&a->local, &b->local) && endpoint_eq(&a->remote, &b->remote) &&
	       same_ts(a->ts_local, a->n_ts_local, b->ts_local, b->n_ts_local) &&
	       same_ts(a->ts_remote, a->n_ts_remote, b->ts_remote, b->n_ts_remote);
}

uint64_t ike_early_take(struct ike_sa *sa, const struct ike_child_sa *in)
{
	uint64_t add = sa->early.add;

	if (!add)
		return 0;
	if (!same(&sa->early.in, in)) {
		ike_early_drop(sa);
		return 0;
	}
	sa->early.add = 0;
	return add;
}

void ike_early_drop(struct ike_sa *sa)
{
	if (!sa->early.add)
		return;
	sa->early.add = 0;
	ike_act_sa_del(sa->ike, sa->conn->id, true, sa->early.in.spi);
}
