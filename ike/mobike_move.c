/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses change (RFC 4555 3.5 to 3.10).
 *
 * On our side, when we began the IKE SA: its own addresses and those of its children change at once, what is
 * outstanding is sent again from there, and an UPDATE_SA_ADDRESSES follows as soon as the window is free,
 * before anything else. A COOKIE2 in it makes its answer a proof that the peer is reached there. `moves`
 * counts the changes: an answer to an update that a newer one has overtaken says nothing.
 *
 * On the other side: the IKE SA follows an update at once (its own messages must reach the peer), ESP only
 * when a return routability check has been answered, for an authenticated peer could else aim its traffic at
 * a victim (3.7). Where the peer's IP address was checked before, ESP follows at once, too.
 *
 * A peer that is silent by the pair of addresses in use is asked by the other pairs beside (3.10); by which
 * pair its answer comes, that one is taken into use. Only pairs that were tried count: the addresses of an
 * answer are not authenticated.
 */
#include "ike/mobike.h"

#include "ike/nat.h"
#include "ike/reasons.h"

#include <string.h>

#define SILENT_AFTER 3 /* transmissions without an answer */
#define REFUSALS_MAX 4 /* of updates in a row, by UNEXPECTED_NAT_DETECTED */

bool ike_mobike_ours(const struct ike_sa *sa)
{
	return sa->mobike.on && sa->origin.by_us;
}

/* The peer's addresses: the one in use, then what it has told. */
static unsigned n_remotes(const struct ike_sa *sa)
{
	return 1 + sa->mobike.n_peers;
}

static const struct addr *remote_at(const struct ike_sa *sa, unsigned i)
{
	return i ? &sa->mobike.peers[i - 1] : &sa->remote.addr;
}

static unsigned n_locals(const struct ike_sa *sa)
{
	return sa->conn->n_locals ? sa->conn->n_locals : 1;
}

static const struct addr *local_at(const struct ike_sa *sa, unsigned i)
{
	return sa->conn->n_locals ? &sa->conn->locals[i] : &sa->local.addr;
}

static bool in_use(const struct ike_sa *sa, const struct addr *local, const struct addr *remote)
{
	return addr_eq(local, &sa->local.addr) && addr_eq(remote, &sa->remote.addr);
}

/* The i-th pair that could be tried instead of the one in use. */
static bool pair_at(
    const struct ike_sa *sa, unsigned i, struct endpoint *ret_local, struct endpoint *ret_remote)
{
	const struct addr *local = local_at(sa, i % n_locals(sa)), *remote = remote_at(sa, i / n_locals(sa));

	if (local->family != remote->family || in_use(sa, local, remote))
		return false;
	*ret_local = (struct endpoint){ *local, sa->local.port };
	/* A port that a NAT chose belongs to the address it chose it for. */
	*ret_remote = (struct endpoint){ *remote,
		addr_eq(remote, &sa->remote.addr) ? sa->remote.port : sa->local.port };
	return true;
}

/* --- as the one that changes addresses --- */

static void move_to(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	struct ike_mobike *m = &sa->mobike;

	sa->local = *local;
	sa->remote = *remote;
	m->moves++;
	m->pending = sa->state == IKE_SA_ESTABLISHED;
	ike_children_move(sa, true);
	ike_touch_sa(sa);
}

/* To the best of our addresses, if the one in use isn't it. */
static void follow_locals(struct ike_sa *sa, mtime now)
{
	const struct ike_conn *conn = sa->conn;
	struct endpoint local = { conn->locals[0], sa->local.port }, remote = sa->remote;

	if (!conn->n_locals || addr_eq(&local.addr, &sa->local.addr))
		return;
	for (unsigned i = 0; i < n_remotes(sa); i++) {
		if (remote_at(sa, i)->family != local.addr.family)
			continue;
		if (i)
			remote = (struct endpoint){ *remote_at(sa, i), sa->local.port };
		move_to(sa, &local, &remote);
		ike_request_again(sa, NULL, now); /* what is outstanding, from there */
		return;
	}
}

static bool same_list(const struct ike_conn *conn, const struct addr a[], unsigned n)
{
	if (n != conn->n_locals)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!addr_eq(&a[i], &conn->locals[i]))
			return false;
	return true;
}

void ike_fact_locals(struct ike *ike, uint32_t id, const struct addr locals[], unsigned n, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (n > IKE_LOCALS_MAX)
		n = IKE_LOCALS_MAX;
	if (!conn || !n)
		return;
	if (!same_list(conn, locals, n)) {
		memcpy(conn->locals, locals, n * sizeof(locals[0]));
		conn->n_locals = n;
		conn->locals_told++;
	}
	/* One that has taken this list to heart may have found another pair to be the better one since. */
	list_for_each (&conn->sas, struct ike_sa, sa, node) {
		if (!sa->mobike.on || sa->mobike.locals_told == conn->locals_told)
			continue;
		ike_touch_sa(sa);
		sa->mobike.locals_told = conn->locals_told;
		if (sa->origin.by_us)
			follow_locals(sa, now);
		else
			sa->mobike.announce = sa->state == IKE_SA_ESTABLISHED;
	}
	ike_run(ike, now);
}

void ike_mobike_inherit(const struct ike_sa *old, struct ike_sa *heir)
{
	if (!old->mobike.on)
		return;
	ike_sa_take_way(old, heir); /* it may have changed since the successor was made */
	/* What was not answered is asked anew, on the SA that the peer goes on with. The hash of our address
	 * is another by the new SPIs; that this may cost an update too many is by design (3.8). */
	heir->mobike.pending |= old->task.kind == IKE_TASK_ADDRESSES && old->task.update;
	heir->mobike.announce |= old->task.kind == IKE_TASK_ADDRESSES && !old->task.update;
	heir->mobike.seen = false;
}

static void begin(struct ike_sa *sa, enum ike_task_kind kind, struct ike_build *b)
{
	struct ike_task *t = &sa->task;

	t->kind = kind;
	t->moves = sa->mobike.moves;
	rng_fill(&sa->ike->rng, t->cookie2, sizeof(t->cookie2));
	ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_COOKIE2, t->cookie2, sizeof(t->cookie2));
}

/* True: there is no memory for it, and it stays wanted. */
static bool ask(struct ike_sa *sa, struct ike_build *b, mtime now)
{
	bool failed = ike_request_send(sa, IKE_X_INFORMATIONAL, b, 0, now);

	if (failed)
		ike_task_clear(sa);
	return failed;
}

static void update_start(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	begin(sa, IKE_TASK_ADDRESSES, &b);
	sa->task.update = true;
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_UPDATE_SA_ADDRESSES, NULL, 0);
	if (sa->natd)
		ike_mobike_build_nat(sa, &b);
	ike_mobike_build_no_nats(sa, &b);
	sa->mobike.pending = ask(sa, &b, now);
}

static void announce_start(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	begin(sa, IKE_TASK_ADDRESSES, &b);
	ike_mobike_build_additional(sa, &b);
	ike_mobike_build_no_nats(sa, &b);
	sa->mobike.announce = ask(sa, &b, now);
}

static void check_start(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	begin(sa, IKE_TASK_ROUTABLE, &b);
	(void)ask(sa, &b, now);
}

bool ike_mobike_kick(struct ike_sa *sa, mtime now)
{
	const struct ike_mobike *m = &sa->mobike;

	if (!m->on)
		return false;
	if (m->pending)
		update_start(sa, now);
	else if (m->unchecked)
		check_start(sa, now);
	else if (m->announce)
		announce_start(sa, now);
	else
		return false;
	return true;
}

static void give_up(struct ike_sa *sa, const struct reason *why, mtime now)
{
	struct ike_conn *conn = sa->conn;

	ike_sa_close(sa, true, why, now);
	ike_conn_lost(conn, why, true, now);
}

/* The peer won't have the pair in use: the next one, until all have been tried (3.5). */
static void try_next(struct ike_sa *sa, mtime now)
{
	unsigned n = n_locals(sa) * n_remotes(sa);
	struct endpoint local, remote;
	struct reason why;

	while (sa->mobike.refusals++ < n)
		if (pair_at(sa, (sa->mobike.refusals - 1) % n, &local, &remote)) {
			move_to(sa, &local, &remote);
			return;
		}
	ike_reason_refused(&why, sa, IKE_N_UNACCEPTABLE_ADDRESSES, "our new address");
	give_up(sa, &why, now);
}

/* Something on the way rewrites addresses, and we said that none may: perhaps not any more (3.9). */
static void translated(struct ike_sa *sa, mtime now)
{
	struct reason why;

	sa->mobike.pending = ++sa->mobike.refusals < REFUSALS_MAX;
	if (sa->mobike.pending)
		return;
	ike_reason_refused(&why, sa, IKE_N_UNEXPECTED_NAT_DETECTED, "our new address");
	give_up(sa, &why, now);
}

static void updated(struct ike_sa *sa, const struct ike_payloads *p, mtime now)
{
	if (ike_notify_find(p, IKE_N_UNEXPECTED_NAT_DETECTED)) {
		translated(sa, now);
	} else if (ike_notify_find(p, IKE_N_UNACCEPTABLE_ADDRESSES)) {
		try_next(sa, now);
	} else {
		sa->mobike.refusals = 0;
		ike_mobike_take_nat(sa, p);
		(void)ike_mobike_seen(sa, p);
		ike_children_move(sa, true);
	}
}

void ike_mobike_reply(struct ike_sa *sa, const struct ike_payloads *p, mtime now)
{
	const struct ike_task t = sa->task;
	struct ike_span cookie2 = ike_mobike_cookie2(p);
	struct reason why;

	ike_task_clear(sa);
	if (sa->state != IKE_SA_ESTABLISHED)
		return;
	if (cookie2.len != sizeof(t.cookie2) || memcmp(cookie2.data, t.cookie2, sizeof(t.cookie2)) != 0) {
		ike_reason_bad_answer(&why, sa, "it does not repeat our COOKIE2 (RFC 4555 3.7)");
		give_up(sa, &why, now);
		return;
	}
	if (t.moves != sa->mobike.moves)
		return; /* of a pair that is not in use any more; what is about the new one follows */
	if (t.kind == IKE_TASK_ROUTABLE) {
		sa->mobike.unchecked = false;
		ike_children_move(sa, true);
	} else if (t.update) {
		updated(sa, p, now);
	}
}

void ike_mobike_failed(struct ike_sa *sa, enum ike_task_kind kind, mtime now)
{
	struct reason why;

	if (sa->state != IKE_SA_ESTABLISHED)
		return;
	/* Neither end may stay in the dark about where the other is. */
	ike_reason_bad_answer(&why, sa,
	    kind == IKE_TASK_ROUTABLE ? "to the check of its new address, it is malformed"
	                              : "to our change of addresses, it is malformed");
	give_up(sa, &why, now);
}

/* --- as the one that follows --- */

/* May a tunnel of this conn run between these two? */
static bool acceptable(const struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	const struct addr *fixed = &sa->conn->cfg.local;
	const struct addr *a = &remote->addr;
	bool multicast = a->family == 4 ? a->b[0] >= 224 : a->b[0] == 0xff;

	return (addr_is_none(fixed) || addr_eq(fixed, &local->addr)) && !addr_is_unspecified(a) &&
	       !multicast && !addr_eq(a, &local->addr);
}

static void follow_update(struct ike_sa *sa, const struct ike_payloads *p)
{
	struct ike_mobike *m = &sa->mobike;
	struct endpoint was_local = ike_child_local(sa), was_remote = ike_child_remote(sa);

	sa->local = sa->asked_at;
	sa->remote = sa->asked_from;
	sa->natt = sa->asked_natt;
	m->moves++;
	ike_mobike_take_nat(sa, p);
	m->unchecked = !addr_eq(&was_remote.addr, &sa->remote.addr);
	m->esp_local = was_local;
	m->esp_remote = was_remote;
}

void ike_mobike_request(struct ike_sa *sa, const struct ike_payloads *p, struct ike_build *b)
{
	bool update = ike_notify_find(p, IKE_N_UPDATE_SA_ADDRESSES);
	struct ike_span cookie2 = ike_mobike_cookie2(p);

	if (!sa->mobike.on)
		return;
	if (cookie2.data)
		ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_COOKIE2, cookie2.data, cookie2.len);
	if (!ike_mobike_untranslated(p, &sa->asked_at, &sa->asked_from)) {
		ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_UNEXPECTED_NAT_DETECTED, NULL, 0);
		return;
	}
	ike_mobike_take_peers(&sa->mobike, p);
	/* An update on an SA that was replaced is repeated on its successor. */
	if (update && !ike_mobike_ours(sa) && sa->state == IKE_SA_ESTABLISHED) {
		if (!acceptable(sa, &sa->asked_at, &sa->asked_from)) {
			ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_UNACCEPTABLE_ADDRESSES, NULL, 0);
			return;
		}
		follow_update(sa, p);
	}
	if (ike_notify_find(p, IKE_N_NAT_DETECTION_SOURCE_IP) &&
	    ike_notify_find(p, IKE_N_NAT_DETECTION_DESTINATION_IP))
		ike_nat_build(b, sa->spi_i, sa->spi_r, &sa->asked_at, &sa->asked_from, sa->nat_pretended,
		    &sa->ike->rng);
}

void ike_mobike_answered(struct ike_sa *sa, mtime now)
{
	const struct ike_task *t = &sa->task;

	if (!sa->mobike.on || sa->state != IKE_SA_ESTABLISHED || ike_mobike_ours(sa))
		return;
	if (!sa->mobike.unchecked)
		ike_children_move(sa, true);
	/* What was on its way to the old address goes to the new one. */
	if (sa->out.msg.data && t->moves != sa->mobike.moves)
		ike_request_again(sa, NULL, now);
}

/* --- liveness and silence --- */

void ike_mobike_build_probe(struct ike_sa *sa, struct ike_build *b)
{
	if (ike_mobike_ours(sa) && sa->nat_local && sa->natd)
		ike_mobike_build_nat(sa, b);
}

void ike_mobike_probed(struct ike_sa *sa, const struct ike_payloads *p)
{
	if (!ike_mobike_ours(sa) || !sa->nat_local || sa->state != IKE_SA_ESTABLISHED ||
	    !ike_mobike_seen(sa, p))
		return;
	sa->mobike.moves++;
	sa->mobike.pending = true;
}

void ike_mobike_try_others(struct ike_sa *sa, unsigned n, mtime now)
{
	unsigned pairs = n_locals(sa) * n_remotes(sa);
	struct endpoint local, remote;

	if (!ike_mobike_ours(sa) || sa->state != IKE_SA_ESTABLISHED || n < SILENT_AFTER)
		return;
	for (unsigned i = 0; i < pairs; i++)
		if (pair_at(sa, (n - SILENT_AFTER + i) % pairs, &local, &remote)) {
			ike_request_again(sa, &(struct ike_way){ &local, &remote, sa->natt }, now);
			return;
		}
}

void ike_mobike_way_works(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	unsigned pairs = n_locals(sa) * n_remotes(sa);
	struct endpoint l, r;

	if (!ike_mobike_ours(sa) || sa->state != IKE_SA_ESTABLISHED || sa->out.sent < SILENT_AFTER ||
	    in_use(sa, &local->addr, &remote->addr))
		return;
	for (unsigned i = 0; i < pairs; i++)
		if (pair_at(sa, i, &l, &r) && endpoint_eq(&l, local) && endpoint_eq(&r, remote)) {
			move_to(sa, &l, &r);
			return;
		}
}
