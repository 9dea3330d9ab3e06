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
	bool end_of_rib; /* the graceful restart capability, whose other meaning we don't use */
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
	bool four_octet_as;
	bool end_of_rib;
};
/* -1 when there is no common family. */
int capabilities_negotiate(
    const struct capabilities *ours, const struct capabilities *theirs, struct negotiated *ret_negotiated);

#endif
