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

void ike_reauth(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct reason why;

	ike_reason_auth_ends(&why, sa);
	if (sa->auth_over) {
		sa->auth_ends = MTIME_NEVER;
		ike_end_established(sa, &why, now);
		return;
	}
	sa->auth_over = true;
	sa->auth_ends = mtime_add(now, patience);
	if (!conn->live || conn->live->sa != sa)
		return;
	ike_act_report(sa->ike, conn->id, IKE_REPORT_WARN, &why);
	if (ike_may_initiate(conn) && !conn->attempt)
		ike_init_start(conn, now);
}
