/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts that were refused before they had proved to be the peer's. They may be the peer's, set up wrongly;
 * they may be anybody's, in its name or from an address that we expect nobody at. So they are counted and
 * told beside what our own attempts have seen, and never instead of it: a stranger must not hide why a tunnel
 * is down.
 *
 * They stand as the error of the connection only where there is nothing else to tell: it has no error of its
 * own, or it starts no attempts itself and the newest came from its peer's address, which answered in
 * IKE_SA_INIT (a forged source address does not).
 */
#include "ike/others.h"

#include "ike/engine.h"

#include <stdlib.h>
#include <string.h>

static const mdur warn_every = { 10 * (int64_t)1000000000 };
static const mdur warn_beside_every = { 600 * (int64_t)1000000000 };

bool ike_others_stand(const struct ike_conn *conn)
{
	const struct ike_others *o = conn->others;

	if (!o || !o->facts.any || conn->live)
		return false;
	if (!reason_is_set(&conn->last_error))
		return o->reached || !ike_may_initiate(conn);
	return o->newer && o->reached && conn->cfg.n_remote && !ike_may_initiate(conn);
}

/*
 * Anyone can send what is warned of here, with the peer's address even: it must not fill a log. The same is
 * said once in a span, and of different things a few, or who alternates two would be heard each time.
 */
static void warn(struct ike_conn *conn, const struct reason *why, mtime now)
{
	struct ike_warned *w = &conn->warned[0];
	bool stands = ike_others_stand(conn);

	for (unsigned i = 0; i < IKE_WARNED_MAX && strcmp(w->id, why->id) != 0; i++) {
		struct ike_warned *o = &conn->warned[i];

		if (!strcmp(o->id, why->id) || !o->id[0] || (w->id[0] && o->at.ns < w->at.ns))
			w = o;
	}
	if (w->id[0] && mtime_since(now, w->at).ns < (stands ? warn_every : warn_beside_every).ns)
		return;
	memcpy(w->id, why->id, sizeof(w->id));
	w->at = now;
	ike_act_report(conn->ike, conn->id, stands ? IKE_REPORT_WARN : IKE_REPORT_OTHERS, why);
}

void ike_others_note(
    struct ike_conn *conn, const struct reason *why, const struct ike_facts *facts, bool reached, mtime now)
{
	struct ike_others *o = conn->others;

	if (!o) /* without memory it is only logged */
		o = conn->others = calloc(1, sizeof(*o));
	if (o)
		o->n++;
	if (o && (reached || !o->reached)) { /* else it is nobody's word against a peer's that was there */
		o->why = *why;
		o->reached = reached;
		o->newer = true;
		o->facts = *facts;
		memcpy(o->facts.why, why->id, sizeof(o->facts.why));
	}
	warn(conn, why, now);
}

void ike_others_forget(struct ike_conn *conn)
{
	free(conn->others);
	conn->others = NULL;
}
