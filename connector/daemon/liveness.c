/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to path_watch, and what it says to IKE, BGP and the log. The sockets for echoes belong to the domain.
 */
#include "connector/daemon/liveness.h"

#include "connector/daemon/domain.h"
#include "connector/sys/clock.h"
#include "connector/sys/random.h"

#include <errno.h>
#include <string.h>

#define TIMEOUT_DEFAULT mdur_s(8)
#define TIMEOUT_MIN     mdur_s(3)
#define TIMEOUT_MAX     mdur_s(15)

static struct addr target_of(const struct cfg_tunnel *cfg)
{
	if (!addr_is_none(&cfg->probe))
		return cfg->probe;
	return cfg->have_bgp ? cfg->bgp.peer : (struct addr){ 0 };
}

static struct addr source_of(const struct cfg_tunnel *cfg, uint8_t family)
{
	for (unsigned i = 0; i < cfg->n_inside; i++)
		if (cfg->inside[i].addr.family == family)
			return cfg->inside[i].addr;
	return cfg->have_bgp && cfg->bgp.local.family == family ? cfg->bgp.local : (struct addr){ 0 };
}

void liveness_config(struct tunnel *t, const struct cfg_tunnel *was)
{
	struct addr target = target_of(t->cfg), old = was ? target_of(was) : target;
	mdur timeout = t->cfg->liveness_timeout.ns ? t->cfg->liveness_timeout : TIMEOUT_DEFAULT;

	if (!was)
		path_watch_init(&t->watch);
	if (timeout.ns < TIMEOUT_MIN.ns)
		timeout = TIMEOUT_MIN;
	if (timeout.ns > TIMEOUT_MAX.ns)
		timeout = TIMEOUT_MAX;
	path_watch_config(&t->watch, t->cfg->liveness_interval, timeout, !addr_eq(&target, &old));
}

/* --- echoes --- */

static void on_reply(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;
	struct icmp_reply r;

	(void)what;
	for (unsigned i = 0; i < 2; i++) {
		while (d->icmp[i].fd == fd && icmp_receive(&d->icmp[i], &r)) {
			list_for_each (&d->tunnels, struct tunnel, t, node) {
				struct addr target = target_of(t->cfg);

				if (t->ifindex != r.ifindex || !addr_eq(&target, &r.from))
					continue;
				t->echoes_in++;
				if (path_watch_answered(&t->watch, clock_now()))
					tunnel_path_back(t);
			}
		}
	}
	domain_pump(d);
}

static struct icmp_socket *socket_for(struct domain *d, uint8_t family)
{
	unsigned i = family == 6;

	if (d->icmp_watch[i])
		return &d->icmp[i];
	if (!d->icmp_id)
		d->icmp_id = (uint16_t)rng_u64(&sys_rng);
	if (icmp_open(&d->sys, family, d->icmp_id, &d->icmp[i]))
		return NULL;
	d->icmp_watch[i] = loop_watch_new(d->loop, d->icmp[i].fd, LOOP_READ, on_reply, d);
	if (d->icmp_watch[i])
		return &d->icmp[i];
	icmp_close(&d->icmp[i]);
	return NULL;
}

void liveness_close(struct domain *d)
{
	for (unsigned i = 0; i < 2; i++) {
		loop_watch_free(d->icmp_watch[i]);
		if (d->icmp_watch[i])
			icmp_close(&d->icmp[i]);
		d->icmp_watch[i] = NULL;
	}
}

static void probe(struct tunnel *t)
{
	struct addr target = target_of(t->cfg), source = source_of(t->cfg, target.family);
	struct icmp_socket *s = socket_for(t->domain, target.family);
	int err = s ? icmp_echo(s, t->ifindex, &source, &target, ++t->echo_seq) : -EPERM;

	if (!err)
		t->echoes_out++;
	else
		log_debug(t->domain->log, t->name, "no echo to %s: %s", addr_str(&target), strerror(-err));
}

/* --- what follows --- */

static void do_action(struct tunnel *t, enum path_action action, mtime now)
{
	struct addr target = target_of(t->cfg);
	struct domain *d = t->domain;
	struct reason why = { 0 };

	switch (action) {
	case PATH_NOTHING: break;
	case PATH_PROBE: probe(t); break;
	case PATH_REKEY:
		log_info(d->log, t->name,
		    "path-silent: packets leave and none come back, and %s, which never answered an echo, "
		    "does not now; the child SA is rekeyed to be sure",
		    addr_str(&target));
		(void)ike_conn_rekey_child(d->ike, t->id, now);
		break;
	case PATH_REVOKE:
		reason_set(&why, "path-dead",
		    "packets leave and none come back, and %s does not answer echoes any more, though IKE "
		    "does: "
		    "ESP is lost on its way (a firewall that lets pass UDP 500 but not 4500 or protocol "
		    "50?), or "
		    "the ends differ on their SAs. Learned routes are withdrawn, the child SA is rekeyed",
		    addr_str(&target));
		tunnel_path_lost(t, &why);
		(void)ike_conn_rekey_child(d->ike, t->id, now);
		break;
	case PATH_RESTART:
		reason_set(&why, "path-restart",
		    "%s does not answer echoes through a new child SA either; the tunnel starts anew",
		    addr_str(&target));
		log_warn(d->log, t->name, "%s: %s", why.id, why.text);
		ike_conn_restart(d->ike, t->id, true, &why, now);
		break;
	}
}

static struct path_facts facts(const struct tunnel *t, const struct plane_counters *c)
{
	struct addr target = target_of(t->cfg);

	return (
	    struct path_facts){ .out = c->packets_out > t->echoes_out ? c->packets_out - t->echoes_out : 0,
		.in = c->last_in,
		.spi_in = t->spi_in,
		.passing = t->facts.passing,
		.can_probe = !addr_is_none(&target) && t->ifindex };
}

void liveness_up(struct tunnel *t)
{
	struct plane_counters c = { 0 };
	struct path_facts f;

	(void)plane_counters(t->domain->plane, t->plane_id, &c);
	f = facts(t, &c);
	path_watch_up(&t->watch, &f, clock_now());
	do_action(t, path_watch_poll(&t->watch, &f, clock_now()), clock_now());
}

void liveness_down(struct tunnel *t)
{
	path_watch_down(&t->watch);
}

void liveness_poll(struct tunnel *t, const struct plane_counters *c, mtime now)
{
	struct path_facts f = facts(t, c);
	enum path_stage was = t->watch.stage;
	enum path_action action;

	if (t->life != TUNNEL_ACTIVE)
		return;
	action = path_watch_poll(&t->watch, &f, now);
	if (was != PATH_SUSPECT && t->watch.stage == PATH_SUSPECT)
		log_debug(t->domain->log, t->name, "packets leave and none come back: sending echoes");
	do_action(t, action, now);
}

uint64_t liveness_user_packets(const struct tunnel *t, const struct plane_counters *c)
{
	uint64_t all = c->packets_in + c->packets_out, ours = t->echoes_in + t->echoes_out;

	return all > ours ? all - ours : 0;
}
