/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of the OPEN message (RFC 5492): what we know, as one struct; what we don't know is passed
 * over. */
#ifndef CW_BGP_CAPABILITY_H
#define CW_BGP_CAPABILITY_H

#include "base/cursor.h"
#include "bgp/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct capabilities {
	bool any;           /* a capabilities parameter was there at all */
	bool multiprotocol; /* at least one multiprotocol capability, of whatever family */
	bool family[BGP_N_FAMILIES];
	bool route_refresh;
	bool enhanced_refresh;  /* RFC 7313 */
	bool extended_messages; /* RFC 8654 */
	/*
	 * Graceful restart (RFC 4724): with no families it says that the speaker makes and knows End-of-RIB,
	 * and helps others that restart. The families of `restart` are those whose forwarding the speaker can
	 * keep.
	 */
	bool end_of_rib; /* the capability is there */
	struct restart_capability {
		bool restarting;   /* R: it has just restarted */
		bool notification; /* N: a NOTIFICATION ends no forwarding either (RFC 8538) */
		uint16_t time;     /* seconds until it is back */
		bool family[BGP_N_FAMILIES], forwarding[BGP_N_FAMILIES]; /* F: has kept it */
	} restart;
	bool have_role, role_conflict; /* conflict: two that differ */
	uint8_t role;                  /* RFC 9234, enum bgp_role_code */
	bool add_path_send[BGP_N_FAMILIES], add_path_receive[BGP_N_FAMILIES]; /* RFC 7911 */
	bool four_octet_as;
	uint32_t as; /* with four_octet_as */
};

/* Parses the list of one optional parameter, adding to caps. -1 when it is malformed. */
int capabilities_parse(struct rd r, struct capabilities *caps);
/* The whole optional parameter; nothing when caps->any is false. */
void capabilities_build(struct wr *w, const struct capabilities *caps);

/* What both sides know: the terms of the session. */
struct negotiated {
	bool family[BGP_N_FAMILIES];
	bool route_refresh;
	bool enhanced_refresh;
	bool extended_messages; /* the peer takes them; what we take is our own capability's business */
	bool four_octet_as;
	bool end_of_rib;
	bool notification_restart;        /* RFC 8538 */
	bool path_ids_in[BGP_N_FAMILIES]; /* the peer's prefixes have path identifiers (RFC 7911) */
};
/* -1 when there is no common family. */
int capabilities_negotiate(
    const struct capabilities *ours, const struct capabilities *theirs, struct negotiated *ret_negotiated);

#endif
