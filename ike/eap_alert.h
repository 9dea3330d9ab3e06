/* SPDX-License-Identifier: Apache-2.0 */
/* TLS alerts (RFC 8446 6.2) that end an EAP-TLS conversation, in an administrator's words. */
#ifndef CW_IKE_EAP_ALERT_H
#define CW_IKE_EAP_ALERT_H

struct eap_alert {
	unsigned number;
	const char *name;  /* "unknown_ca" */
	const char *means; /* what the other side says of us by it */
	const char *here, *there;
};
/* Never NULL: of a number without a meaning here, an entry with the number 0. */
const struct eap_alert *eap_alert(unsigned number);

#endif
