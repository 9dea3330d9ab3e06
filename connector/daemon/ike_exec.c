/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IKE core's hands. Actions run strictly in their order; the one exception the core knows of is the
 * removal of SAs, which waits in the tunnel until the routes over them are out of the kernel.
 */
#include "connector/daemon/ike_exec.h"

#include "base/cursor.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/tunnel_move.h"
#include "connector/daemon/tunnel_mtu.h"
#include "connector/sys/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_identity(const char *text, const char *leaf, const char *name, struct ike_identity *ret_id,
    struct reason *ret_reason)
{
	if (!text[0] || !ike_identity_parse(text, ret_id))
		return 0;
	return reason_set(ret_reason, "config-invalid-value",
	    "%s: %s \"%s\" is no identity; write an address, a domain name, user@domain, or a distinguished "
	    "name",
	    name, leaf, text);
}

static void any_selectors(struct ike_ts ts[], unsigned *n)
{
	static const char *const any[] = { "0.0.0.0/0", "::/0" };

	for (*n = 0; *n < 2; (*n)++) {
		struct prefix p;

		if (prefix_parse(any[*n], true, &p))
			return;
		ts[*n] = ike_ts_from_prefix(&p);
	}
}

static enum ike_auth_kind auth_kind(enum cfg_auth a)
{
	switch (a) {
	case CFG_AUTH_PSK: break;
	case CFG_AUTH_CERT: return IKE_AUTH_KIND_CERT;
	case CFG_AUTH_EAP_MSCHAPV2: return IKE_AUTH_KIND_EAP_MSCHAPV2;
	case CFG_AUTH_EAP_TLS: return IKE_AUTH_KIND_EAP_TLS;
	}
	return IKE_AUTH_KIND_PSK;
}

static void take_auth(const struct cfg_tunnel *cfg, struct ike_conn_config *c)
{
	const struct cfg_eap *e = &cfg->eap;

	c->local_auth = auth_kind(cfg->local_auth);
	c->remote_auth = auth_kind(cfg->remote_auth);
	snprintf(c->eap.user, sizeof(c->eap.user), "%s", e->user);
	snprintf(c->eap.identity, sizeof(c->eap.identity), "%s", e->identity);
	snprintf(c->eap.server_name, sizeof(c->eap.server_name), "%s", e->server_name);
	snprintf(c->eap.peer_user, sizeof(c->eap.peer_user), "%s", e->peer_user);
	c->credentials = cfg->credentials;
	c->eap.secret = e->secret.data;
	c->eap.secret_len = e->secret.len;
	c->eap.peer_secret = e->peer_secret.data;
	c->eap.peer_secret_len = e->peer_secret.len;
	snprintf(c->ppk.id, sizeof(c->ppk.id), "%s", cfg->ppk.id);
	c->ppk.key = cfg->ppk.secret.data;
	c->ppk.key_len = cfg->ppk.secret.len;
	c->ppk.required = cfg->ppk.required;
}

int ike_exec_config(const struct cfg_tunnel *cfg, const struct remotes *remotes, enum plane_kind plane,
    const char *name, struct ike_conn_config *c, struct reason *ret_reason)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	switch (cfg->role) {
	case CFG_ROLE_BOTH: c->role = IKE_ROLE_BOTH; break;
	case CFG_ROLE_INITIATE: c->role = IKE_ROLE_INITIATE; break;
	case CFG_ROLE_RESPOND: c->role = IKE_ROLE_RESPOND; break;
	}
	c->local = cfg->local;
	c->n_remote = remotes->n;
	memcpy(c->remote, remotes->addr, sizeof(c->remote));
	if (parse_identity(cfg->local_id, "local-id", name, &c->local_id, ret_reason) ||
	    parse_identity(cfg->remote_id, "remote-id", name, &c->remote_id, ret_reason))
		return -1;
	c->psk = cfg->psk.data;
	c->psk_len = cfg->psk.len;
	take_auth(cfg, c);
	c->ike_proposals = cfg->ike_proposals;
	c->esp_proposals = cfg->esp_proposals;
	any_selectors(c->tsi, &c->n_tsi);
	any_selectors(c->tsr, &c->n_tsr);
	c->narrow = true;
	/* Presets force it for the user-space plane's sake; the kernel's does plain ESP as well. */
	c->force_encap = cfg->force_encap && (plane == PLANE_USER || cfg->force_encap_given);
	switch (cfg->fragmentation) {
	case CFG_FRAGMENTATION_YES: c->fragmentation = IKE_FRAGMENTATION_YES; break;
	case CFG_FRAGMENTATION_ACCEPT: c->fragmentation = IKE_FRAGMENTATION_ACCEPT; break;
	case CFG_FRAGMENTATION_FORCE: c->fragmentation = IKE_FRAGMENTATION_FORCE; break;
	case CFG_FRAGMENTATION_NO: c->fragmentation = IKE_FRAGMENTATION_NO; break;
	}
	c->fragment_size = (uint16_t)cfg->fragment_size;
	c->mobike = cfg->mobike;
	c->ike_lifetime = cfg->ike_lifetime;
	c->child_lifetime = cfg->esp_lifetime;
	c->child_life_bytes = cfg->esp_lifekbytes * 1024;
	c->child_life_packets = cfg->esp_lifepackets;
	c->rehearsal = cfg->rehearsal;
	c->liveness_interval = cfg->liveness_interval;
	c->liveness_timeout = cfg->liveness_timeout;
	c->retry_min = mdur_s(1);
	c->retry_max = cfg->retry;
	c->tries = cfg->tries;
	return 0;
}

static void exec_send(struct domain *d, const struct ike_action *a)
{
	int rc = plane_send_ike(
	    d->plane, &a->send.local, &a->send.remote, a->send.natt, a->send.data, a->send.len);

	/* A lost datagram like any other: the core retransmits. Said once a failure, for whoever reads the
	 * log. */
	if (rc) {
		struct rd r = rd_init(a->send.data, a->send.len);

		log_debug(d->log, "ike", "%s: cannot send: %s", endpoint_str(&a->send.remote), strerror(-rc));
		domain_ike_undelivered(d, &a->send.remote, rd_u64(&r), rc);
	}
}

static void copy_ts(struct plane_ts to[], unsigned *n_to, const struct ike_ts from[], unsigned n)
{
	for (*n_to = 0; *n_to < n && *n_to < 8; (*n_to)++)
		to[*n_to] = (struct plane_ts){ .first = from[*n_to].first,
			.last = from[*n_to].last,
			.protocol = from[*n_to].protocol,
			.port_first = from[*n_to].port_first,
			.port_last = from[*n_to].port_last };
}

static void take_header_fields(struct plane_sa *sa, const struct cfg_tunnel *cfg)
{
	switch (cfg->df) {
	case CFG_DF_COPY: sa->df = PLANE_DF_COPY; break;
	case CFG_DF_SET: sa->df = PLANE_DF_SET; break;
	case CFG_DF_CLEAR: sa->df = PLANE_DF_CLEAR; break;
	}
	sa->dscp_zero = cfg->dscp_zero;
	sa->ignore_ecn = cfg->ignore_ecn;
}

static void exec_sa_add(struct domain *d, struct tunnel *t, struct ike_action *a, mtime now)
{
	struct ike_child_sa *c = &a->sa_add;
	struct plane_sa sa = { .tunnel = t ? t->plane_id : 0,
		.inbound = c->inbound,
		.spi = c->spi,
		.encr = c->encr,
		.encr_key_bits = c->encr_key_bits,
		.integ = c->integ,
		.esn = c->esn,
		.udp_encap = c->udp_encap,
		.local = c->local,
		.remote = c->remote };
	struct reason why = { 0 };

	if (t)
		take_header_fields(&sa, t->cfg);
	memcpy(sa.encr_key, c->encr_key, sizeof(sa.encr_key));
	memcpy(sa.integ_key, c->integ_key, sizeof(sa.integ_key));
	copy_ts(sa.ts_local, &sa.n_ts_local, c->ts_local, c->n_ts_local);
	copy_ts(sa.ts_remote, &sa.n_ts_remote, c->ts_remote, c->n_ts_remote);
	if (!t || !t->ifindex)
		reason_set(&why, "sa-without-tunnel", "there is no tunnel interface for this SA");
	else if (!plane_sa_add(d->plane, &sa, &why))
		tunnel_mtu_sealed_by(t, &sa);
	cleanse(&sa, sizeof(sa));
	cleanse(c->encr_key, sizeof(c->encr_key));
	cleanse(c->integ_key, sizeof(c->integ_key));
	if (reason_is_set(&why)) {
		log_error(d->log, t ? t->name : "ike", "%s: %s", why.id, why.text);
		ike_action_failed(d->ike, a->id, &why, now);
	}
}

/* What the administrator can do about a refused proposal, the profile knows where its own was offered; where
 * the secret is, the configuration. */
static void add_hint(const struct tunnel *t, struct reason *why)
{
	if (t && t->cfg->secret_file && t->cfg->local_auth == CFG_AUTH_PSK &&
	    !strcmp(why->id, "ike-auth-failed"))
		reason_add(why, " Our key is in the secret-file %s.", t->cfg->secret_file);
	if (t && t->site->proposal_hint[0] && !t->cfg->own_proposals &&
	    !strncmp(why->id, "ike-no-proposal", 15))
		reason_add(why, " %s", t->site->proposal_hint);
}

static void exec_state(struct domain *d, struct tunnel *t, struct ike_action *a)
{
	if (!t)
		return;
	t->facts.ike = a->state.phase;
	if (a->state.phase == IKE_PHASE_DOWN && mtime_is_never(a->state.next_attempt))
		demand_lost(t);
	if (!reason_is_set(&a->state.why))
		return;
	add_hint(t, &a->state.why);
	if (a->state.phase == IKE_PHASE_DOWN && demand_resting(t))
		reason_add(&a->state.why, " The next packet to a trigger route brings it up, too.");
	if (strcmp(t->error.text, a->state.why.text))
		log_error(d->log, t->name, "%s: %s", a->state.why.id, a->state.why.text);
	t->error = a->state.why;
}

static void exec_report(struct domain *d, struct tunnel *t, struct ike_action *a)
{
	struct reason *why = &a->report.why;
	const char *subject = t ? t->name : "ike";

	add_hint(t, why);
	switch (a->report.severity) {
	case IKE_REPORT_INFO: log_info(d->log, subject, "%s: %s", why->id, why->text); return;
	case IKE_REPORT_OTHERS: log_warn(d->log, subject, "%s: %s", why->id, why->text); return;
	case IKE_REPORT_WARN:
		if (!t || strcmp(t->error.text,
		              why->text)) /* a stranger that repeats itself must not fill the log */
			log_warn(d->log, subject, "%s: %s", why->id, why->text);
		if (t && !t->facts.child) /* an attempt of the peer's failed: that is why we are not up */
			t->error = *why;
		return;
	case IKE_REPORT_ERROR:
		if (!t || strcmp(t->error.text, why->text))
			log_error(d->log, subject, "%s: %s", why->id, why->text);
		if (t && ike_refuses_rekeys(why))
			t->rekey_refused = *why;
		else if (t)
			t->error = *why;
		return;
	}
}

/* Behind a NAT, an idle tunnel must keep its mapping open (RFC 3948 4). */
static void keep_mapping(struct domain *d, const struct tunnel *t)
{
	struct ike_conn_view *v = calloc(1, sizeof(*v));

	if (v && !ike_conn_view(d->ike, t->id, v))
		plane_keepalive(d->plane, t->plane_id, v->nat_local);
	free(v);
}

static void note_remote(struct domain *d, struct tunnel *t)
{
	struct ike_conn_view *v = calloc(1, sizeof(*v));

	if (v && !ike_conn_view(d->ike, t->id, v))
		tunnel_remote_worked(t, &v->remote.addr);
	free(v);
}

static void exec_child_up(struct domain *d, struct tunnel *t, const struct ike_action *a)
{
	if (!t)
		return;
	log_info(d->log, t->name, "child SA is up: inbound %08x, outbound %08x", a->child.spi_in,
	    a->child.spi_out);
	t->facts.ike = IKE_PHASE_UP;
	keep_mapping(d, t);
	note_remote(d, t);
	t->spi_out = a->child.spi_out;
	tunnel_child_up(t, a->child.spi_in);
	if (t->early_in != a->child.spi_in)
		return;
	ike_fact_first_packet(d->ike, t->id, a->child.spi_in, clock_now());
	tunnel_packet_in(t);
}

static struct rekey_where where_of(const struct domain *d, const struct tunnel *t)
{
	return (struct rekey_where){ d->plane, t->plane_id, d->log, t->name };
}

static void exec_child_rekeyed(struct domain *d, struct tunnel *t, const struct ike_action *a)
{
	struct rekey_where where;

	if (!t)
		return;
	where = where_of(d, t);
	reason_clear(&t->rekey_refused);
	rekey_record_child(&t->rekeys, &where, a);
	t->spi_in = a->child.spi_in;
	t->spi_out = a->child.spi_out;
	plane_sa_use(d->plane, t->plane_id, a->child.spi_out); /* of crossing SAs it may be the older one */
	keep_mapping(d, t); /* a new IKE SA (reauthentication) may have met another NAT */
}

static void exec_ike_rekeyed(struct domain *d, struct tunnel *t, const struct ike_action *a)
{
	struct rekey_where where;

	if (!t)
		return;
	where = where_of(d, t);
	rekey_record_ike(&t->rekeys, &where, a);
}

static void exec_moved(struct domain *d, struct tunnel *t, const struct ike_action *a)
{
	if (!t)
		return;
	tunnel_moved(t, a);
	keep_mapping(d, t);
}

static void exec_job(struct domain *d, struct ike_action *a, mtime now)
{
	if (!jobs_put(d->jobs, a->job))
		return;
	ike_job_run(a->job); /* no memory for the queue: here and now, then */
	ike_job_done(d->ike, a->job, now);
}

bool ike_exec_one(struct domain *d, mtime now)
{
	static _Thread_local struct ike_action a;
	struct tunnel *t;

	if (!ike_next_action(d->ike, &a))
		return false;
	t = domain_tunnel_by_id(d, a.conn);
	switch (a.kind) {
	case IKE_ACT_SEND: exec_send(d, &a); break;
	case IKE_ACT_JOB: exec_job(d, &a, now); break;
	case IKE_ACT_SA_ADD: exec_sa_add(d, t, &a, now); break;
	case IKE_ACT_SA_DEL:
		if (t)
			tunnel_sa_removal(t, a.sa_del.inbound, a.sa_del.spi);
		break;
	case IKE_ACT_STATE: exec_state(d, t, &a); break;
	case IKE_ACT_CHILD_UP: exec_child_up(d, t, &a); break;
	case IKE_ACT_CHILD_REKEYED: exec_child_rekeyed(d, t, &a); break;
	case IKE_ACT_IKE_REKEYED: exec_ike_rekeyed(d, t, &a); break;
	case IKE_ACT_CHILD_DOWN:
		if (t) {
			tunnel_child_down(t);
			tunnel_move_over(t);
		}
		break;
	case IKE_ACT_REMOTE_MOVED: exec_moved(d, t, &a); break;
	case IKE_ACT_REPORT: exec_report(d, t, &a); break;
	}
	return true;
}
