/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each rekey of a tunnel was like: why, by whom, which SAs, and whether packets had to wait. The IKE
 * core says the first half with its action, the data plane's counters the other when the old inbound SA goes.
 * A tunnel keeps its last sixteen; each one is also a line in the log. Control thread only.
 */
#ifndef CW_DAEMON_REKEY_RECORD_H
#define CW_DAEMON_REKEY_RECORD_H

#include "connector/daemon/plane.h"
#include "connector/mgmt/view.h"
#include "ike/ike.h"

#define REKEY_RECORDS 16

struct rekey_record {
	bool ike;  /* else of a child SA */
	bool done; /* the old SA is gone, and the numbers below are final */
	struct ike_rekeyed how;
	uint64_t old_spi[2], new_spi[2]; /* child: in, out; IKE: initiator's, responder's */
	uint64_t base_in, base_out;      /* packets on the old pair when the new one came into use */
	uint64_t old_in, old_out;        /* packets on the old pair after that */
	uint64_t new_in, new_out;        /* packets on the new pair until the old one was gone */
	mdur gap;                        /* the longest between two inbound packets since; 0: unknown */
	mdur drained;                    /* for how long the old inbound SA stayed */
};

struct rekey_ring {
	struct rekey_record record[REKEY_RECORDS];
	unsigned n; /* ever */
};

struct rekey_where { /* whose counters */
	struct plane *plane;
	uint32_t plane_id;
	const struct logger *log;
	const char *name;
};

void rekey_record_child(struct rekey_ring *ring, const struct rekey_where *w, const struct ike_action *a);
void rekey_record_ike(struct rekey_ring *ring, const struct rekey_where *w, const struct ike_action *a);
/* An SA is about to be removed: the last chance to read its counters. */
void rekey_record_removal(
    struct rekey_ring *ring, const struct rekey_where *w, bool inbound, uint32_t spi, mtime now);
/* The i-th inbound SPI that is still draining; 0: no more. */
uint32_t rekey_record_draining(const struct rekey_ring *ring, unsigned i);
/* Newest first; returns how many. */
unsigned rekey_record_view(const struct rekey_ring *ring, struct view_rekey out[VIEW_REKEYS_MAX]);

#endif
