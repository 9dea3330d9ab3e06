/* SPDX-License-Identifier: Apache-2.0 */
/* The wiring of mtu_probe.c: when it may ask, and what follows from an answer. */
#include "connector/daemon/tunnel_probe.h"

#include "connector/daemon/echoes.h"
#include "connector/daemon/tunnel_mtu.h"

/* While it doesn't, what was found is kept: it will pass again by the same way, as a rule. */
static bool passes(const struct tunnel *t)
{
	return t->life == TUNNEL_ACTIVE && t->ifindex && t->facts.passing;
}

/* The far end can be asked, and its answers would say something. */
static bool possible(const struct tunnel *t)
{
	struct addr target = echoes_target(t->cfg);

	return t->cfg->mtu_probe && t->mtu_computed && !addr_is_none(&target);
}

void tunnel_probe_tick(struct tunnel *t, mtime now)
{
	struct mtu_probe_send send[2];
	uint32_t was = t->probe.result;
	bool changed = false;
	unsigned n = 0;

	mtu_probe_want(&t->probe, possible(t) ? t->mtu_computed : 0, now);
	if (passes(t))
		n = mtu_probe_tick(&t->probe, now, send, &changed);
	if (changed || (was && !t->probe.result))
		tunnel_mtu_probed(t);
	/* What can't be sent is not answered, and the tick draws its conclusions. */
	for (unsigned i = 0; i < n; i++)
		(void)echoes_ask(t, ECHO_MTU, send[i].seq, send[i].size);
}

void tunnel_probe_down(struct tunnel *t, mtime now)
{
	if (!t->probe.result)
		mtu_probe_want(&t->probe, 0, now);
}

void tunnel_probe_answered(struct tunnel *t, uint16_t seq, mtime now)
{
	if (mtu_probe_answer(&t->probe, seq, now))
		tunnel_mtu_probed(t);
}
