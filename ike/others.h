/* SPDX-License-Identifier: Apache-2.0 */
/* Refused attempts of others at a connection: counted, and told beside its own error. Internal to ike/. */
#ifndef CW_IKE_OTHERS_H
#define CW_IKE_OTHERS_H

#include "ike/sa.h"

struct ike_others {
	uint32_t n;             /* since the child SA came up, or the connection was taken up */
	struct reason why;      /* of the last */
	struct ike_facts facts; /* likewise */
	bool reached;           /* it got to IKE_AUTH: its source address is no forgery */
	bool newer;             /* than the connection's own error */
};

/*
 * Notes an attempt that was refused, and warns of it; the same complaint again only after a while. reached:
 * it came to IKE_AUTH.
 */
void ike_others_note(
    struct ike_conn *conn, const struct reason *why, const struct ike_facts *facts, bool reached, mtime now);
/* Does the last one stand as the error of the connection? */
bool ike_others_stand(const struct ike_conn *conn);
void ike_others_forget(struct ike_conn *conn);

#endif
