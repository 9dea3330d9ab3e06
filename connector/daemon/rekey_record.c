/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of a child's rekey is opened when the new pair seals, with the old pair's counters at that time,
 * and closed when the old inbound SA is removed. Outbound the switch is one step, so what the old one sends
 * after it is zero unless something is wrong; inbound it takes until the peer has turned round. The gap is
 * the new SA's own: the longest time between a packet on it and the one before on either.
 */
#include "connector/daemon/rekey_record.h"

#include "connector/sys/clock.h"

#include <stdio.h>

static const char *why_name(enum ike_rekey_why why)
{
	switch (why) {
	case IKE_REKEY_TIME: return "time";
	case IKE_REKEY_BYTES: return "bytes";
	case IKE_REKEY_PACKETS: return "packets";
	case IKE_REKEY_SEQ: return "seq";
	case IKE_REKEY_COMMAND: return "command";
	case IKE_REKEY_REHEARSAL: return "rehearsal";
	case IKE_REKEY_PEER: return "peer";
	case IKE_REKEY_LOST: return "lost";
	case IKE_REKEY_TAKEOVER: return "takeover";
	}
	return "";
}

static struct rekey_record *open_record(struct rekey_ring *ring)
{
	struct rekey_record *r = &ring->record[ring->n++ % REKEY_RECORDS];

	*r = (struct rekey_record){ 0 };
	return r;
}

static struct plane_counters counters_of(const struct rekey_where *w, bool inbound, uint64_t spi)
{
	struct plane_counters c = { 0 };

	if (plane_sa_counters(w->plane, w->plane_id, inbound, (uint32_t)spi, &c))
		c = (struct plane_counters){ 0 };
	return c;
}

void rekey_record_child(struct rekey_ring *ring, const struct rekey_where *w, const struct ike_action *a)
{
	struct rekey_record *r = open_record(ring);

	r->how = a->child.how;
	r->old_spi[0] = a->child.old_spi_in;
	r->old_spi[1] = a->child.old_spi_out;
	r->new_spi[0] = a->child.spi_in;
	r->new_spi[1] = a->child.spi_out;
	r->base_in = counters_of(w, true, r->old_spi[0]).packets_in;
	r->base_out = counters_of(w, false, r->old_spi[1]).packets_out;
	log_info(w->log, w->name,
	    "child SA rekeyed by %s (%s%s): inbound %08x -> %08x, outbound %08x -> %08x",
	    r->how.by_us ? "us" : "the peer", why_name(r->how.why), r->how.collided ? ", both at once" : "",
	    a->child.old_spi_in, a->child.spi_in, a->child.old_spi_out, a->child.spi_out);
}

void rekey_record_ike(struct rekey_ring *ring, const struct rekey_where *w, const struct ike_action *a)
{
	struct rekey_record *r = open_record(ring);

	r->ike = r->done = true;
	r->how = a->ike.how;
	r->old_spi[0] = a->ike.old_spi_i;
	r->old_spi[1] = a->ike.old_spi_r;
	r->new_spi[0] = a->ike.spi_i;
	r->new_spi[1] = a->ike.spi_r;
	log_info(w->log, w->name, "IKE SA rekeyed by %s (%s%s): %016llx_i %016llx_r -> %016llx_i %016llx_r",
	    r->how.by_us ? "us" : "the peer", why_name(r->how.why), r->how.collided ? ", both at once" : "",
	    (unsigned long long)r->old_spi[0], (unsigned long long)r->old_spi[1],
	    (unsigned long long)r->new_spi[0], (unsigned long long)r->new_spi[1]);
}

static void close_record(struct rekey_record *r, const struct rekey_where *w, mtime now)
{
	struct plane_counters in = counters_of(w, true, r->new_spi[0]), out;
	char gap[64] = ""; /* 0: the data plane does not know */

	r->old_in = counters_of(w, true, r->old_spi[0]).packets_in - r->base_in;
	r->new_in = in.packets_in;
	if (!plane_sa_counters(w->plane, w->plane_id, false, (uint32_t)r->new_spi[1], &out))
		r->new_out = out.packets_out; /* else it was replaced itself, and was looked at then */
	r->gap = in.longest_gap;
	r->drained = mtime_since(now, r->how.at);
	r->done = true;
	if (r->gap.ns)
		snprintf(gap, sizeof(gap), ", longest gap inbound %lld ms", (long long)mdur_to_ms(r->gap));
	log_info(w->log, w->name,
	    "old inbound SA %08x is gone after %lld ms: %llu packets in and %llu out on it since, %llu in "
	    "and %llu out "
	    "on %08x%s",
	    (unsigned)r->old_spi[0], (long long)mdur_to_ms(r->drained), (unsigned long long)r->old_in,
	    (unsigned long long)r->old_out, (unsigned long long)r->new_in, (unsigned long long)r->new_out,
	    (unsigned)r->new_spi[0], gap);
}

void rekey_record_removal(
    struct rekey_ring *ring, const struct rekey_where *w, bool inbound, uint32_t spi, mtime now)
{
	for (unsigned i = 0; i < REKEY_RECORDS; i++) {
		struct rekey_record *r = &ring->record[i];
		uint64_t out;

		if (r->done || !r->old_spi[0])
			continue;
		if (inbound && r->old_spi[0] == spi) {
			close_record(r, w, now);
			continue;
		}
		out = inbound ? 0 : counters_of(w, false, spi).packets_out;
		if (!inbound && r->old_spi[1] == spi)
			r->old_out = out > r->base_out ? out - r->base_out : 0;
		if (!inbound && r->new_spi[1] == spi)
			r->new_out = out;
	}
}

uint32_t rekey_record_draining(const struct rekey_ring *ring, unsigned i)
{
	for (unsigned j = 0; j < REKEY_RECORDS; j++) {
		const struct rekey_record *r = &ring->record[j];

		if (!r->done && r->old_spi[0] && !i--)
			return (uint32_t)r->old_spi[0];
	}
	return 0;
}

unsigned rekey_record_view(const struct rekey_ring *ring, struct view_rekey out[VIEW_REKEYS_MAX])
{
	unsigned n = ring->n < REKEY_RECORDS ? ring->n : REKEY_RECORDS;

	for (unsigned i = 0; i < n; i++) {
		const struct rekey_record *r = &ring->record[(ring->n - 1 - i) % REKEY_RECORDS];

		out[i] = (struct view_rekey){ .when = clock_wall(r->how.at),
			.ike = r->ike,
			.done = r->done,
			.by_us = r->how.by_us,
			.collided = r->how.collided,
			.why = why_name(r->how.why),
			.old_spi = { r->old_spi[0], r->old_spi[1] },
			.new_spi = { r->new_spi[0], r->new_spi[1] },
			.old_in = r->old_in,
			.old_out = r->old_out,
			.new_in = r->new_in,
			.new_out = r->new_out,
			.gap_ms = (uint64_t)mdur_to_ms(r->gap),
			.drained_ms = (uint64_t)mdur_to_ms(r->drained) };
	}
	return n;
}
