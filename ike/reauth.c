/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication does not outlive the certificates that it was by. A rekey proves nothing but the old keys,
 * so an IKE SA and its successors would stand for ever on a certificate that ended long ago. When the first
 * of the peer's chain ends, the peer is to authenticate anew (RFC 7296 2.8.3): where we may begin, we do,
 * with a new IKE SA and child beside the old ones, which go when the new ones have proved themselves
 * (settle.c). Where we may not, it is for the peer to do so. After a minute without success the tunnel is
 * taken down, for the reason that a new attempt then meets.
 */
#include "ike/engine.h"
#include "ike/reasons.h"

static const mdur patience = { 60 * (int64_t)1000000000 };
static const mdur again_after = { 5 * (int64_t)1000000000 };

/* The gateway that has the tunnel now is the one to ask, whichever address would be the next to try. */
static void aim(struct ike_conn *conn, const struct addr *at)
{
	for (unsigned i = 0; i < conn->cfg.n_remote; i++)
		if (addr_eq(&conn->cfg.remote[i], at))
			conn->remote_index = i;
}

void ike_reauth(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	bool serves = conn->live && conn->live->sa == sa;
	struct reason why;

	ike_reason_auth_ends(&why, sa);
	if (!sa->auth_over) {
		sa->auth_over = true;
		sa->auth_tries = (unsigned)(patience.ns / again_after.ns);
		if (serves) {
			ike_act_report(sa->ike, conn->id, IKE_REPORT_WARN, &why);
			aim(conn, &sa->remote.addr);
		}
	}
	if (!sa->auth_tries) {
		sa->auth_ends = MTIME_NEVER;
		ike_end_established(sa, &why, now);
		return;
	}
	sa->auth_tries--;
	sa->auth_ends = mtime_add(now, again_after);
	if (serves && ike_may_initiate(conn) && !conn->attempt)
		ike_init_start(conn, now);
}
