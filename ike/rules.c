/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which payloads each message may and must carry (RFC 7296 1.2 to 1.5 and appendix C), as one table.
 *
 * `min` counts only when the message carries no error notification: an answer may consist of nothing else.
 * Types that are in no row are tolerated: CP, CERTREQ, vendor IDs and notifications may come anywhere, and
 * peers add them.
 */
#include "ike/payload.h"

struct rule {
	uint8_t exchange;
	bool response;
	uint8_t payload;
	uint8_t min, max;
};

static const struct rule rules[] = {
	{ IKE_X_SA_INIT, false, IKE_P_SA, 1, 1 },
	{ IKE_X_SA_INIT, false, IKE_P_KE, 1, 1 },
	{ IKE_X_SA_INIT, false, IKE_P_NONCE, 1, 1 },
	{ IKE_X_SA_INIT, false, IKE_P_SK, 0, 0 },
	{ IKE_X_SA_INIT, false, IKE_P_AUTH, 0, 0 },
	{ IKE_X_SA_INIT, true, IKE_P_SA, 0,
	    1 }, /* a COOKIE answer has none of the three; looked at in init.c */
	{ IKE_X_SA_INIT, true, IKE_P_KE, 0, 1 },
	{ IKE_X_SA_INIT, true, IKE_P_NONCE, 0, 1 },
	{ IKE_X_SA_INIT, true, IKE_P_SK, 0, 0 },
	{ IKE_X_AUTH, false, IKE_P_IDI, 1, 1 },
	{ IKE_X_AUTH, false, IKE_P_IDR, 0, 1 },
	{ IKE_X_AUTH, false, IKE_P_SA, 1, 1 },
	{ IKE_X_AUTH, false, IKE_P_TSI, 1, 1 },
	{ IKE_X_AUTH, false, IKE_P_TSR, 1, 1 },
	{ IKE_X_AUTH, false, IKE_P_EAP, 0, 0 },
	{ IKE_X_AUTH, false, IKE_P_SK, 0, 0 },
	{ IKE_X_AUTH, true, IKE_P_IDR, 1, 1 },
	{ IKE_X_AUTH, true, IKE_P_AUTH, 1, 1 },
	{ IKE_X_AUTH, true, IKE_P_EAP, 0, 1 }, /* without it SA, TSi and TSr: looked at in auth_initiate.c */
	{ IKE_X_AUTH, true, IKE_P_SK, 0, 0 },
	{ IKE_X_AUTH_MORE, false, IKE_P_IDI, 0, 0 },
	{ IKE_X_AUTH_MORE, false, IKE_P_SA, 0, 0 },
	{ IKE_X_AUTH_MORE, false, IKE_P_AUTH, 0, 1 }, /* this or EAP: looked at in auth_respond.c */
	{ IKE_X_AUTH_MORE, false, IKE_P_EAP, 0, 1 },
	{ IKE_X_AUTH_MORE, false, IKE_P_SK, 0, 0 },
	{ IKE_X_AUTH_MORE, true, IKE_P_IDR, 0, 0 },
	{ IKE_X_AUTH_MORE, true, IKE_P_AUTH, 0, 1 },
	{ IKE_X_AUTH_MORE, true, IKE_P_EAP, 0, 1 },
	{ IKE_X_AUTH_MORE, true, IKE_P_SK, 0, 0 },
	{ IKE_X_CREATE_CHILD_SA, false, IKE_P_SA, 1, 1 },
	{ IKE_X_CREATE_CHILD_SA, false, IKE_P_NONCE, 1, 1 },
	{ IKE_X_CREATE_CHILD_SA, false, IKE_P_AUTH, 0, 0 },
	{ IKE_X_CREATE_CHILD_SA, false, IKE_P_SK, 0, 0 },
	{ IKE_X_CREATE_CHILD_SA, true, IKE_P_SA, 1, 1 },
	{ IKE_X_CREATE_CHILD_SA, true, IKE_P_NONCE, 1, 1 },
	{ IKE_X_CREATE_CHILD_SA, true, IKE_P_AUTH, 0, 0 },
	{ IKE_X_CREATE_CHILD_SA, true, IKE_P_SK, 0, 0 },
	{ IKE_X_INFORMATIONAL, false, IKE_P_SK, 0, 0 },
	{ IKE_X_INFORMATIONAL, true, IKE_P_SK, 0, 0 },
};

int ike_payloads_check(struct ike_payloads *p, uint8_t exchange, bool response)
{
	bool error = response && ike_notify_error(p);

	if (p->skf.data) { /* a fragment stands alone in its message, and never inside one (RFC 7383 2.5) */
		p->fault = IKE_FAULT_RULES;
		return -1;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];
		unsigned seen = p->seen[rule->payload - IKE_P_FIRST_KNOWN];

		if (rule->exchange != exchange || rule->response != response)
			continue;
		if (seen > rule->max || (seen < rule->min && !error)) {
			p->fault = IKE_FAULT_RULES;
			return -1;
		}
	}
	return 0;
}
