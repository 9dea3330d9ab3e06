/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wiring of mtu_probe.c: packets by a socket of the domain, answers told apart by the tunnel's number (16
 * bits of it) and the addresses. An answer counts only from the address asked, to the address asked from.
 */
#include "connector/daemon/tunnel_probe.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel_mtu.h"
#include "connector/sys/echo.h"

#include <string.h>
#include <unistd.h>

void tunnel_probe_open(struct domain *d)
{
	int err = echo_open(&d->sys, &d->echo_fd);

	if (!err)
		return;
	d->echo_fd = -1;
	log_warn(d->log, "daemon",
	    "no-raw-socket: tunnels are not probed for the largest packet that passes: %s", strerror(-err));
}

void tunnel_probe_close(struct domain *d)
{
	if (d->echo_fd >= 0)
		close(d->echo_fd);
	d->echo_fd = -1;
}

static bool wanted(const struct tunnel *t)
{
	return t->life == TUNNEL_ACTIVE && t->ifindex && t->facts.passing && t->mtu_computed &&
	       t->cfg->mtu_probe && t->cfg->have_bgp && t->cfg->bgp.peer.family == 4 &&
	       t->domain->echo_fd >= 0;
}

void tunnel_probe_tick(struct tunnel *t, mtime now)
{
	struct mtu_probe_send send[2];
	uint32_t was = t->probe.result;
	bool changed;
	unsigned n;

	mtu_probe_want(&t->probe, wanted(t) ? t->mtu_computed : 0, now);
	n = mtu_probe_tick(&t->probe, now, send, &changed);
	if (changed || (was && !t->probe.result))
		tunnel_mtu_probed(t);
	for (unsigned i = 0; i < n; i++) {
		struct echo e = { .local = t->cfg->bgp.local,
			.remote = t->cfg->bgp.peer,
			.id = (uint16_t)t->id,
			.seq = send[i].seq,
			.size = send[i].size };

		/* What can't be sent is not answered, and the tick draws its conclusions. What is sent is no
		 * user's packet: the tunnel's liveness and idle time don't count it. */
		if (!echo_send(t->domain->echo_fd, t->ifindex, &e))
			t->echoes_out++;
	}
}

void tunnel_probe_input(struct domain *d, mtime now)
{
	struct echo e;

	while (echo_recv(d->echo_fd, &e)) {
		list_for_each (&d->tunnels, struct tunnel, t, node) {
			if ((uint16_t)t->id != e.id || !t->cfg->have_bgp ||
			    !addr_eq(&t->cfg->bgp.peer, &e.remote) || !addr_eq(&t->cfg->bgp.local, &e.local))
				continue;
			t->echoes_in++;
			if (mtu_probe_answer(&t->probe, e.seq, now))
				tunnel_mtu_probed(t);
		}
	}
}
