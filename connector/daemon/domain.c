/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A routing domain's wiring. Facts come in from the plane, the FIB writer, the jobs and the timer; each
 * handler hands its fact to a core and pumps. The pump never recurses: a handler that runs inside of it (a
 * TCP connect that fails at once, say) only leaves its fact.
 */
#include "connector/daemon/domain.h"

#include "connector/daemon/announce.h"
#include "connector/daemon/bfd_exec.h"
#include "connector/daemon/certificate.h"
#include "connector/daemon/bgp_command.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bgp_leaving.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/bmp_exec.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/echoes.h"
#include "connector/daemon/ike_exec.h"
#include "connector/daemon/liveness.h"
#include "connector/daemon/monitor.h"
#include "connector/daemon/mrt_exec.h"
#include "connector/daemon/mss_clamp.h"
#include "connector/daemon/nexthop.h"
#include "connector/daemon/plane_poll.h"
#include "connector/daemon/protect.h"
#include "connector/daemon/restart.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"
#include "connector/daemon/tunnel_if.h"
#include "connector/daemon/tunnel_move.h"
#include "connector/daemon/tunnel_mtu.h"
#include "connector/daemon/tunnel_probe.h"
#include "connector/sys/clock.h"
#include "connector/sys/random.h"
#include "connector/sys/rtnl.h"
#include "connector/sys/tcp.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define POLL_INTERVAL mdur_s(1) /* of the plane's counters: signs of life, bytes until a rekey */
#define STOP_PATIENCE mdur_s(3)
#define TRIM_PAUSE    mdur_s(5)
#define JOB_WORKERS   4          /* two may wait for documents of certificates (documents.h) */
#define KEEPALIVE     mdur_s(20) /* RFC 3948 4 */
#define IKE_PORT      500
#define NATT_PORT     4500

struct tunnel *domain_tunnel_by_id(const struct domain *d, uint32_t id)
{
	struct hnode *n = htab_find(&d->tunnels_by_id, id);

	return n ? container_of(n, struct tunnel, by_id) : NULL;
}

struct tunnel *domain_tunnel_by_plane(const struct domain *d, uint32_t plane_id)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (t->ifindex && t->plane_id == plane_id)
			return t;
	return NULL;
}

struct tunnel *domain_tunnel_by_name(const struct domain *d, const char *name)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!t->retiring && !strcmp(t->name, name))
			return t;
	return NULL;
}

struct lan_peer *domain_lan_peer_by_name(const struct domain *d, const char *name)
{
	list_for_each (&d->lan_peers, struct lan_peer, p, node)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

const char *domain_peer_name(const struct domain *d, uint32_t id)
{
	const struct tunnel *t = domain_tunnel_by_id(d, id);

	if (t)
		return t->name;
	list_for_each (&d->lan_peers, struct lan_peer, p, node)
		if (p->id == id)
			return p->name;
	return "?";
}

/* --- facts from the plane --- */

static void on_ike_datagram(
    void *ctx, const struct endpoint *local, const struct endpoint *remote, const uint8_t *data, size_t len)
{
	struct domain *d = ctx;

	ike_input(d->ike, local, remote, local->port == NATT_PORT, data, len, clock_now());
	domain_pump(d);
}

void domain_ike_undelivered(struct domain *d, const struct endpoint *remote, uint64_t spi_i, int error)
{
	enum ike_undelivered why;

	switch (-error) {
	case ECONNREFUSED: why = IKE_UNDELIVERED_PORT_CLOSED; break;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET: why = IKE_UNDELIVERED_HOST; break;
	case EACCES:
	case EPERM: why = IKE_UNDELIVERED_FORBIDDEN; break;
	default: return; /* too big, say: no word on whether the peer can be reached */
	}
	ike_fact_undelivered(d->ike, remote, spi_i, why);
}

static void on_ike_undelivered(void *ctx, const struct endpoint *remote, uint64_t spi_i, int error)
{
	domain_ike_undelivered(ctx, remote, spi_i, error);
}

static void on_first_inbound(void *ctx, uint32_t plane_id, uint32_t spi)
{
	struct domain *d = ctx;
	struct tunnel *t = domain_tunnel_by_plane(d, plane_id);
	mtime now = clock_now();

	if (!t)
		return;
	if (!t->facts.child)
		t->early_in = spi;
	ike_fact_inbound(d->ike, t->id, now);
	ike_fact_first_packet(d->ike, t->id, spi, now);
	tunnel_packet_in(t);
	domain_pump(d);
}

static void on_seq_near_end(void *ctx, uint32_t plane_id, uint32_t spi)
{
	struct domain *d = ctx;
	struct tunnel *t = domain_tunnel_by_plane(d, plane_id);

	if (!t)
		return;
	log_info(d->log, t->name, "outbound SA %08x runs out of sequence numbers: rekeying", spi);
	ike_fact_seq_near_end(d->ike, t->id, spi, clock_now());
	domain_pump(d);
}

/*
 * Authenticated ESP, the newest so far, came from another address or port. Whether to follow is the IKE
 * core's to say, since its own messages must go the same way.
 */
static void on_remote_moved(void *ctx, uint32_t plane_id, uint32_t spi, const struct endpoint *remote)
{
	struct domain *d = ctx;
	struct tunnel *t = domain_tunnel_by_plane(d, plane_id);

	if (!t)
		return;
	ike_fact_moved(d->ike, t->id, spi, remote);
	domain_pump(d);
}

/* Somebody else deleted an SA of ours, and packets go nowhere: both ends had better start anew. */
static void on_sa_lost(void *ctx, uint32_t plane_id, uint32_t spi)
{
	struct domain *d = ctx;
	struct tunnel *t = domain_tunnel_by_plane(d, plane_id);
	struct reason why = { 0 };

	if (!t)
		return;
	reason_set(&why, "sa-deleted",
	    "another program deleted our SA %08x from the kernel (`ip xfrm state flush`?); the tunnel pairs "
	    "again",
	    spi);
	log_warn(d->log, t->name, "%s: %s", why.id, why.text);
	t->error = why;
	ike_conn_restart(d->ike, t->id, true, &why, clock_now());
	domain_pump(d);
}

/* A packet wants to leave by a tunnel on demand that has no SA. */
static void on_trigger(void *ctx, uint32_t plane_id)
{
	struct domain *d = ctx;
	struct tunnel *t = domain_tunnel_by_plane(d, plane_id);

	if (!t)
		return;
	demand_packet(t);
	domain_pump(d);
}

static const struct plane_events plane_events = { .ike_datagram = on_ike_datagram,
	.ike_undelivered = on_ike_undelivered,
	.first_inbound = on_first_inbound,
	.seq_near_end = on_seq_near_end,
	.remote_moved = on_remote_moved,
	.sa_lost = on_sa_lost,
	.trigger = on_trigger };

/* --- facts from the FIB writer --- */

static void on_route(void *ctx, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why)
{
	struct domain *d = ctx;

	if (origin == FIB_LEARNED)
		bgp_tap_fib(d->tap, p, in_kernel, why);
	routes_result(d, p, metric, origin, in_kernel, why);
}

static void on_count(void *ctx, uint32_t owner, enum fib_place place, unsigned by)
{
	routes_count(ctx, owner, place, by);
}

static void on_fenced(void *ctx, uint64_t fence)
{
	struct domain *d = ctx;

	protect_fenced(d, fence);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if ((t->up_fence && fence >= t->up_fence) || (t->removal_fence && fence >= t->removal_fence))
			tunnel_fenced(t, fence);
}

static void on_connected(void *ctx, const struct prefix list[], size_t n)
{
	struct domain *d = ctx;
	struct prefix p;

	nexthop_stale(d);
	while (ptrie_first(d->connected, &p, NULL))
		ptrie_remove(d->connected, &p);
	for (size_t i = 0; i < n; i++)
		ptrie_set(d->connected, &list[i], d);
	if (d->bgp)
		bgp_connected(d->bgp, list, n, clock_now());
}

static void on_sources(void *ctx, const struct fib_source list[], size_t n, bool cut)
{
	announce_sources(ctx, list, n, cut);
}

static void on_disturbed(void *ctx, const struct reason *what)
{
	struct domain *d = ctx;

	log_warn(d->log, "fib", "%s: %s", what->id, what->text);
}

static void on_underlay(void *ctx, const struct addr *endpoint, int ifindex, const struct addr *gateway,
    const struct addr *source)
{
	struct domain *d = ctx;

	(void)source;
	if (ifindex)
		log_info(d->log, "underlay", "%s is reached by interface %d%s%s", addr_str(endpoint), ifindex,
		    addr_is_none(gateway) ? "" : " via ", addr_is_none(gateway) ? "" : addr_str(gateway));
	else
		log_warn(d->log, "underlay", "no route to %s", addr_str(endpoint));
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (addr_eq(&t->sealed.remote, endpoint)) {
			tunnel_mtu_update(t);
			tunnel_locals_look(t, clock_now());
		}
}

/* Our own interfaces stay as they were made, whatever others do to them. */
static void on_link(void *ctx, int ifindex)
{
	struct domain *d = ctx;

	nexthop_stale(d);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (t->ifindex && (!ifindex || t->ifindex == ifindex))
			t->if_suspect = true;
	list_for_each (&d->tunnels, struct tunnel, t, node)
		tunnel_if_look(t);
}

static const struct fib_writer_events fib_events = { .route = on_route,
	.count = on_count,
	.fenced = on_fenced,
	.connected = on_connected,
	.disturbed = on_disturbed,
	.underlay = on_underlay,
	.link = on_link,
	.sources = on_sources };

/* --- the loop's handlers --- */

static void on_plane(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;

	(void)fd;
	(void)what;
	plane_dispatch(d->plane);
	domain_pump(d);
}

static void on_fib(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;

	(void)fd;
	(void)what;
	fib_writer_dispatch(d->fib);
	domain_pump(d);
}

static void on_jobs(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;

	(void)fd;
	(void)what;
	jobs_dispatch(d->jobs);
	domain_pump(d);
}

static void on_resolved(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;
	struct resolver_answer a;

	(void)fd;
	(void)what;
	while (resolver_next(d->resolver, &a)) {
		struct tunnel *t = domain_tunnel_by_id(d, (uint32_t)a.tag);

		if (t)
			tunnel_resolved(t, &a);
	}
	domain_pump(d);
}

static void job_run(void *job)
{
	ike_job_run(job);
}

static void job_done(void *ctx, void *job)
{
	struct domain *d = ctx;

	ike_job_done(d->ike, job, clock_now());
}

static void job_drop(void *job)
{
	ike_job_free(job);
}

void domain_trim_later(struct domain *d, mtime now)
{
	d->trim = mtime_add(now, TRIM_PAUSE);
}

static void trim(struct domain *d, mtime now)
{
	if (!mtime_reached(d->trim, now))
		return;
	d->trim = MTIME_NEVER;
	(void)malloc_trim(0);
}

static void on_timer(void *ctx)
{
	struct domain *d = ctx;
	mtime now = clock_now();

	if (mtime_reached(d->next_poll, now)) {
		plane_poll(d, now);
		d->retry_at = now;
		list_for_each (&d->tunnels, struct tunnel, t, node)
			tunnel_if_look(t);
		list_for_each (&d->tunnels, struct tunnel, t, node)
			certificate_look(t, now);
		list_for_each (&d->tunnels, struct tunnel, t, node)
			tunnel_resolve(t, now);
		list_for_each (&d->tunnels, struct tunnel, t, node)
			tunnel_probe_tick(t, now);
		trim(d, now);
		d->next_poll = mtime_add(now, POLL_INTERVAL);
	}
	if (mtime_reached(d->retry_at, now))
		nexthop_retry(d, now);
	ike_timer(d->ike, now);
	if (d->bgp)
		bgp_protocol_timer(d->bgp, now);
	domain_pump(d);
}

/* What is left to budgets, in its turn among what else is bulk. */
static void on_work(void *ctx)
{
	struct domain *d = ctx;

	if (d->bgp)
		bgp_work(d->bgp, clock_now());
	bgp_leaving_work(d);
	domain_pump(d);
}

/* --- the pump --- */

static void arm(struct domain *d, mtime now)
{
	mtime deadline = mtime_min(mtime_min(d->next_poll, d->retry_at), ike_deadline(d->ike));

	if (d->bgp) {
		mtime work = bgp_work_deadline(d->bgp);

		if (mtime_reached(work, now))
			loop_task_soon(d->work);
		else
			deadline = mtime_min(deadline, work); /* the timer pumps, and so comes here again */
		deadline = mtime_min(deadline, bgp_protocol_deadline(d->bgp));
	}
	if (!bgp_leaving_done(d))
		loop_task_soon(d->work);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		deadline = mtime_min(deadline, tunnel_deadline(t));
	deadline = mtime_min(deadline, restart_deadline(d));
	if (d->stopping)
		deadline = mtime_min(deadline, d->stop_deadline);
	loop_timer_at(d->timer, deadline, now);
}

static void stop_check(struct domain *d, mtime now)
{
	if (!d->stopping || !d->stopped)
		return;
	if (list_empty(&d->tunnels) || mtime_reached(d->stop_deadline, now)) {
		void (*stopped)(void *ctx) = d->stopped;

		d->stopped = NULL;
		stopped(d->stopped_ctx);
	}
}

static void drain(struct domain *d, mtime now)
{
	bool more;

	do {
		more = false;
		while (ike_exec_one(d, now))
			more = true;
		while (bgp_exec_one(d, now))
			more = true;
	} while (more);
}

/* At the end all of it goes at once, with the last tunnel. */
static void clamp(struct domain *d, mtime now)
{
	if (d->stopping && !list_empty(&d->tunnels))
		return;
	mss_clamp_begin(d->clamp);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (t->ifindex)
			mss_clamp_add(d->clamp, t->interface, t->cfg->mss, t->mtu);
	mss_clamp_commit(d->clamp, now);
}

void domain_pump(struct domain *d)
{
	mtime now = clock_now();

	if (d->pumping)
		return;
	d->pumping = true;
	drain(d, now);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		tunnel_step_update(t, now);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		tunnel_look_swept(t);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		tunnel_check_stopped(t);
	restart_look(d, now);
	drain(d, now); /* what a stopped tunnel's successor started */
	bfd_exec_look(d, now);
	bmp_look(d->bmp);
	clamp(d, now);
	d->pumping = false;
	arm(d, now);
	stop_check(d, now);
}

/* --- life --- */

/* To the plane alone: what it keeps of it, tunnels take over. */
static struct plane *open_plane(struct domain *d, struct plane_config *pc, struct reason *ret_reason)
{
	size_t n = d->restart ? d->restart->n_tunnel : 0;
	struct plane_kept *kept = calloc(n ? n : 1, sizeof(*kept));
	struct plane *plane;

	for (size_t i = 0; kept && i < n; i++)
		kept[i] = d->restart->tunnel[i].kept;
	pc->kept = kept;
	pc->n_kept = kept ? n : 0;
	plane = plane_new(pc, &plane_events, d, ret_reason);
	free(kept);
	return plane;
}

struct domain *domain_new(const struct sys_domain *sys, struct loop *loop, const struct logger *log,
    struct restart_record *before, struct reason *ret_reason)
{
	struct domain *d = calloc(1, sizeof(*d));
	struct plane_config pc = { .domain = sys,
		.ike_port = IKE_PORT,
		.natt_port = NATT_PORT,
		.keepalive = KEEPALIVE,
		.log = log };

	if (!d) {
		restart_record_free(before);
		reason_set(ret_reason, "no-memory", "out of memory");
		return NULL;
	}
	d->restart = before;
	d->leaving = pc.trying = before != NULL; /* until restart_applied */
	d->sys = *sys;
	d->log = log;
	d->loop = loop;
	d->started = clock_now();
	d->trim = MTIME_NEVER;
	d->retry_at = MTIME_NEVER;
	d->next_poll = mtime_add(d->started, POLL_INTERVAL);
	list_init(&d->tunnels);
	list_init(&d->lan_peers);
	list_init(&d->listeners);
	list_init(&d->links);
	list_init(&d->bgp_down);
	list_init(&d->bgp_leaving);
	list_init(&d->bfd_peers);
	d->tap = bgp_tap_new(d);
	d->monitor = monitor_new(d);
	d->bmp = bmp_new(d);
	d->mrt = mrt_exec_new(d);
	d->announced_more = ptrie_new();
	d->announced_less = ptrie_new();
	d->connected = ptrie_new();
	d->protect = ptrie_new();
	d->discard = ptrie_new();
	d->waiting = ptrie_new();
	d->ike = ike_new(&ike_default_limits, &sys_rng);
	d->jobs = jobs_new(JOB_WORKERS, job_run, job_done, d);
	d->timer = loop_timer_new(loop, on_timer, d);
	d->work = loop_task_new(loop, on_work, d);
	d->resolver = resolver_new();
	if (d->resolver)
		d->resolver_watch = loop_watch_new(loop, resolver_fd(d->resolver), LOOP_READ, on_resolved, d);
	reason_set(ret_reason, "no-memory", "out of memory, threads or descriptors at start");
	d->clamp = mss_clamp_new(sys, log);
	d->announce = announce_new();
	if (!d->tap || !d->monitor || !d->bmp || !d->mrt || !d->announced_more || !d->announced_less ||
	    !d->connected || !d->protect || !d->discard || !d->waiting || !d->ike || !d->jobs ||
	    !d->resolver_watch || !d->timer || !d->work || !d->clamp || !d->announce)
		goto fail;
	d->plane = open_plane(d, &pc, ret_reason);
	if (!d->plane)
		goto fail;
	d->rtnl = rtnl_open(sys, ret_reason);
	if (!d->rtnl)
		goto fail;
	d->fib = fib_writer_new(sys, log, &fib_events, d, ret_reason);
	if (!d->fib)
		goto fail;
	d->plane_watch = loop_watch_new(loop, plane_event_fd(d->plane), LOOP_READ, on_plane, d);
	d->fib_watch = loop_watch_new(loop, fib_writer_event_fd(d->fib), LOOP_READ, on_fib, d);
	d->jobs_watch = loop_watch_new(loop, jobs_event_fd(d->jobs), LOOP_READ, on_jobs, d);
	if (!d->plane_watch || !d->fib_watch || !d->jobs_watch)
		goto fail;
	loop_watch_class(d->plane_watch, LOOP_URGENT);
	loop_watch_class(d->jobs_watch, LOOP_URGENT); /* key exchanges that are done */
	loop_timer_class(d->timer, LOOP_URGENT);
	reason_clear(ret_reason);
	arm(d, d->started);
	return d;
fail:
	domain_free(d);
	return NULL;
}

void domain_free(struct domain *d)
{
	if (!d)
		return;
	loop_watch_free(d->plane_watch);
	loop_watch_free(d->fib_watch);
	loop_watch_free(d->jobs_watch);
	echoes_close(d);
	loop_watch_free(d->resolver_watch);
	resolver_free(d->resolver);
	if (d->leaving)
		bgp_exec_drop_links(d); /* first: BFD's AdminDown must not find a session (RFC 5882 4.3) */
	bfd_exec_close(d);
	bgp_exec_drop_links(d);
	list_for_each (&d->listeners, struct bgp_listener, l, node)
		bgp_exec_listener_free(l);
	fib_writer_free(d->fib, d->leaving); /* routes go before the interfaces do */
	d->fib = NULL;
	nexthop_compat_apply(&d->nexthop_compat, &d->sys, d->log, false);
	list_for_each (&d->tunnels, struct tunnel, t, node) {
		t->ifindex = 0; /* the plane deletes its interfaces itself */
		tunnel_discard(t);
	}
	htab_clear(&d->tunnels_by_id);
	plane_free(d->plane);
	mss_clamp_free(d->clamp, d->leaving);
	jobs_free(d->jobs, job_drop);
	bmp_free(d->bmp); /* its stations hear that all is over */
	mrt_exec_free(d->mrt);
	ike_free(d->ike);
	bgp_free(d->bgp);
	bgp_leaving_free(d);
	announce_free(d->announce);
	list_for_each (&d->lan_peers, struct lan_peer, p, node) {
		list_remove(&p->node);
		free(p);
	}
	nexthop_free(d);
	protect_free(d);
	bgp_command_free(d);
	monitor_free(d->monitor);
	bgp_tap_free(d->tap);
	ptrie_free(d->connected);
	loop_timer_free(d->timer);
	loop_task_free(d->work);
	rtnl_close(d->rtnl);
	cfg_ref_put(d->config);
	restart_record_free(d->restart);
	free(d);
}

void domain_stop(struct domain *d, void (*stopped)(void *ctx), void *ctx)
{
	mtime now = clock_now();

	d->stopping = true;
	d->stopped = stopped;
	d->stopped_ctx = ctx;
	d->stop_deadline = mtime_add(now, STOP_PATIENCE);
	list_for_each (&d->lan_peers, struct lan_peer, p, node)
		bgp_peer_stop(d->bgp, p->id, 2, NULL, now);
	list_for_each (&d->tunnels, struct tunnel, t, node) {
		if (t->life == TUNNEL_PREPARED)
			tunnel_discard(t); /* its predecessor is going too */
		else
			tunnel_retire(t, NULL);
	}
	domain_pump(d);
}
