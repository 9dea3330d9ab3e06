/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets for echoes belong to the domain, one a family; interface and address tell the tunnels apart. */
#include "connector/daemon/echoes.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/liveness.h"
#include "connector/daemon/tunnel_probe.h"
#include "connector/sys/clock.h"
#include "connector/sys/random.h"

#include <errno.h>
#include <string.h>

struct addr echoes_target(const struct cfg_tunnel *cfg)
{
	if (!addr_is_none(&cfg->probe))
		return cfg->probe;
	return cfg->have_bgp ? cfg->bgp.peer : (struct addr){ 0 };
}

static struct addr source_of(const struct cfg_tunnel *cfg, const struct addr *target)
{
	const struct addr *bgp = &cfg->bgp.local;
	struct addr inside;

	if (cfg->have_bgp && addr_eq(target, &cfg->bgp.peer))
		return *bgp; /* of several inside addresses, the one that the peer knows */
	inside = cfg_inside_of(cfg, target->family);
	if (addr_is_none(&inside) && cfg->have_bgp && bgp->family == target->family)
		return *bgp;
	return inside;
}

static struct tunnel *asked(const struct domain *d, const struct echo *e)
{
	list_for_each (&d->tunnels, struct tunnel, t, node) {
		struct addr target = echoes_target(t->cfg);

		if (t->ifindex && t->ifindex == e->ifindex && addr_eq(&target, &e->remote))
			return t;
	}
	return NULL;
}

static void on_answer(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;
	struct echo e;

	(void)what;
	for (unsigned i = 0; i < 2; i++) {
		while (d->echo_watch[i] && d->echo[i].fd == fd && echo_receive(&d->echo[i], &e)) {
			struct tunnel *t = asked(d, &e);

			if (!t)
				continue;
			t->echoes_in++;
			if (e.channel == ECHO_LIVENESS)
				liveness_answered(t, clock_now());
			else
				tunnel_probe_answered(t, e.seq, clock_now());
		}
	}
	domain_pump(d);
}

static struct echo_socket *socket_for(struct domain *d, uint8_t family, int *ret_err)
{
	unsigned i = family == 6;

	if (d->echo_watch[i])
		return &d->echo[i];
	if (!d->echo_id)
		d->echo_id = (uint16_t)rng_u64(&sys_rng);
	*ret_err = echo_open(&d->sys, family, d->echo_id, &d->echo[i]);
	if (*ret_err && !d->echo_refused)
		log_warn(d->log, "daemon",
		    "no-raw-socket: nothing is asked through tunnels, neither whether they pass packets nor "
		    "which size: %s",
		    strerror(-*ret_err));
	d->echo_refused = *ret_err != 0;
	if (*ret_err)
		return NULL;
	d->echo_watch[i] = loop_watch_new(d->loop, d->echo[i].fd, LOOP_READ, on_answer, d);
	if (d->echo_watch[i])
		return &d->echo[i];
	echo_close(&d->echo[i]);
	*ret_err = -ENOMEM;
	return NULL;
}

int echoes_ask(struct tunnel *t, enum echo_asker asker, uint16_t seq, uint32_t size)
{
	struct echo e = { .remote = echoes_target(t->cfg),
		.ifindex = t->ifindex,
		.channel = (uint8_t)asker,
		.seq = seq,
		.size = size };
	struct echo_socket *s;
	int err = -EINVAL;

	if (addr_is_none(&e.remote) || !t->ifindex)
		return err;
	e.local = source_of(t->cfg, &e.remote);
	s = socket_for(t->domain, e.remote.family, &err);
	err = s ? echo_send(s, &e) : err;
	t->echoes_out += !err;
	return err;
}

void echoes_close(struct domain *d)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!d->echo_watch[i])
			continue;
		loop_watch_free(d->echo_watch[i]);
		echo_close(&d->echo[i]);
		d->echo_watch[i] = NULL;
	}
}
