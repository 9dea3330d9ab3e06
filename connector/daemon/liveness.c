/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to path_watch, and what it says to IKE, BGP and the log. */
#include "connector/daemon/liveness.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/echoes.h"
#include "connector/sys/clock.h"

#include <string.h>

#define TIMEOUT_DEFAULT mdur_s(8)
#define TIMEOUT_MIN     mdur_s(3)
#define TIMEOUT_MAX     mdur_s(15)

void liveness_config(struct tunnel *t, const struct cfg_tunnel *was)
{
	struct addr target = echoes_target(t->cfg), old = was ? echoes_target(was) : target;
	bool revoked = was && t->watch.revoked;
	mdur timeout = t->cfg->liveness_timeout.ns ? t->cfg->liveness_timeout : TIMEOUT_DEFAULT;

	if (!was)
		path_watch_init(&t->watch);
	if (timeout.ns < TIMEOUT_MIN.ns)
		timeout = TIMEOUT_MIN;
	if (timeout.ns > TIMEOUT_MAX.ns)
		timeout = TIMEOUT_MAX;
	path_watch_config(&t->watch, addr_is_none(&target) ? mdur_s(0) : t->cfg->liveness_interval, timeout,
	    !addr_eq(&target, &old));
	if (revoked && !t->watch.revoked)
		tunnel_path_back(t); /* nobody judges it any more */
}

void liveness_answered(struct tunnel *t, mtime now)
{
	if (!path_watch_answered(&t->watch, now))
		return;
	log_info(t->domain->log, t->name, "echoes are answered: it passes packets again");
	tunnel_path_back(t);
}

static void probe(struct tunnel *t)
{
	struct addr target = echoes_target(t->cfg);
	int err = echoes_ask(t, ECHO_LIVENESS, ++t->echo_seq, MTU_PROBE_SMALL);

	if (err)
		log_debug(t->domain->log, t->name, "no echo to %s: %s", addr_str(&target), strerror(-err));
}

/* --- what follows --- */

static void do_action(struct tunnel *t, enum path_action action, mtime now)
{
	struct addr target = echoes_target(t->cfg);
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
	struct addr target = echoes_target(t->cfg);

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
