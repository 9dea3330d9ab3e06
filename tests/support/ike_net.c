/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual network. One list of events sorted by time: datagrams, ESP packets and finished jobs. A step
 * takes what comes first, an event, a timer of a peer, or the next tick of traffic, hands it over, and
 * carries out the actions that follow. The NAT is the simplest there is: another address and a port offset,
 * both ways.
 */
#include "tests/support/ike_net.h"

#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum event_kind { EV_IKE, EV_ESP, EV_JOB };
struct ike_net_event {
	struct ike_net_event *next;
	mtime at;
	enum event_kind kind;
	unsigned from, to;
	struct ike *for_ike; /* jobs: of this life of the peer */
	struct endpoint src, dst;
	bool natt;
	uint32_t spi;
	struct ike_job *job;
	size_t len;
	uint8_t data[];
};

uint64_t ike_net_random(struct ike_net *net)
{
	uint64_t v;

	rng_seeded_fill(&net->state, &v, sizeof(v));
	return v;
}

static bool percent(struct ike_net *net, unsigned p)
{
	return p && ike_net_random(net) % 100 < p;
}

static mdur delay(struct ike_net *net)
{
	int64_t span = net->delay_max.ns - net->delay_min.ns;

	return (mdur){ net->delay_min.ns + (span > 0 ? (int64_t)(ike_net_random(net) % (uint64_t)span) : 0) };
}

void ike_net_restart_peer(struct ike_net *net, unsigned i, const struct ike_limits *limits)
{
	struct ike_net_peer *p = &net->peer[i];
	struct addr addr = p->addr, public = p->public;
	uint16_t offset = p->nat_offset;
	bool nat = p->nat;
	uint64_t state = ike_net_random(net);

	ike_free(p->ike);
	*p = (struct ike_net_peer){
		.net = net, .addr = addr, .public = public, .nat_offset = offset, .nat = nat
	};
	p->rng_state = state;
	p->rng = rng_seeded(&p->rng_state);
	p->ike = ike_new(limits, &p->rng);
	assert_non_null(p->ike);
}

void ike_net_init(struct ike_net *net, uint64_t seed, unsigned n_peers)
{
	*net = (struct ike_net){ .seed = seed, .state = seed, .n_peers = n_peers };
	net->now = (mtime){ 1000000000 };
	net->delay_min = mdur_ms(10);
	net->delay_max = mdur_ms(30);
	assert_int_equal(crypto_init(), 0);
	for (unsigned i = 0; i < n_peers; i++) {
		net->peer[i].addr = addr_v4(0xc0000201 + i); /* 192.0.2.1, .2, ... */
		net->peer[i].public = addr_v4(0xc6336401 + i);
		ike_net_restart_peer(net, i, NULL);
	}
}

static void event_free(struct ike_net_event *e)
{
	ike_job_free(e->job);
	free(e);
}

void ike_net_free(struct ike_net *net)
{
	while (net->events) {
		struct ike_net_event *e = net->events;

		net->events = e->next;
		event_free(e);
	}
	for (unsigned i = 0; i < net->n_peers; i++)
		ike_free(net->peer[i].ike);
}

static struct ike_net_event *event_add(struct ike_net *net, mtime at, enum event_kind kind, size_t len)
{
	/* aligned_alloc: tests in which malloc fails on purpose mean the engine's */
	size_t size = (sizeof(struct ike_net_event) + len + 63) / 64 * 64;
	struct ike_net_event *e = aligned_alloc(64, size), **at_p = &net->events;

	assert_non_null(e);
	memset(e, 0, size);
	e->at = at;
	e->kind = kind;
	e->len = len;
	while (*at_p && (*at_p)->at.ns <= at.ns)
		at_p = &(*at_p)->next;
	e->next = *at_p;
	*at_p = e;
	return e;
}

static bool owns(const struct ike_net_peer *p, const struct addr *a)
{
	return addr_eq(&p->addr, a) || (p->more.family && addr_eq(&p->more, a));
}

/* By which address a packet that is to come from `local` leaves; false: it can't. */
static bool leaves_by(const struct ike_net_peer *p, const struct addr *local, struct addr *ret_source)
{
	*ret_source = addr_is_none(local) ? p->addr : *local;
	if (!owns(p, ret_source))
		return false;
	if (p->nat)
		*ret_source = p->public;
	return true;
}

static bool passes(const struct ike_net *net, const struct addr *source, const struct addr *destination)
{
	for (unsigned i = 0; i < net->n_peers; i++)
		if (net->peer[i].dead.family &&
		    (addr_eq(&net->peer[i].dead, source) || addr_eq(&net->peer[i].dead, destination)))
			return false;
	return true;
}

/* The peer that an outer address leads to; a NAT's public ports are undone. */
static struct ike_net_peer *route(struct ike_net *net, struct endpoint *dst)
{
	for (unsigned i = 0; i < net->n_peers; i++) {
		struct ike_net_peer *p = &net->peer[i];

		if (!p->nat && owns(p, &dst->addr))
			return p;
		if (p->nat && addr_eq(&p->public, &dst->addr) && dst->port >= p->nat_offset) {
			dst->addr = p->addr;
			dst->port = (uint16_t)(dst->port - p->nat_offset);
			return p;
		}
	}
	return NULL;
}

static unsigned index_of(const struct ike_net_peer *p)
{
	return (unsigned)(p - p->net->peer);
}

static void send_datagram(struct ike_net_peer *p, const struct ike_action *a)
{
	struct ike_net *net = p->net;
	struct endpoint src = { p->addr, a->send.natt ? 4500 : 500 }, dst = a->send.remote;
	uint8_t buf[65536];
	size_t len = a->send.len;
	struct ike_net_peer *to;
	unsigned copies;

	p->sends++;
	if (!leaves_by(p, &a->send.local.addr, &src.addr) || !passes(net, &src.addr, &dst.addr))
		return;
	if (p->nat)
		src.port = (uint16_t)(src.port + p->nat_offset);
	to = route(net, &dst);
	memcpy(buf, a->send.data, len);
	if (net->tap && !net->tap(net, index_of(p), buf, &len, net->tap_ctx))
		return;
	if (!to || p->cut || to->cut || percent(net, net->loss))
		return;
	copies = percent(net, net->repeat) ? 2 : 1;
	for (unsigned i = 0; i < copies; i++) {
		mdur d = delay(net);
		struct ike_net_event *e;

		if (percent(net, net->reorder))
			d = mdur_mul(d, 20, 1);
		e = event_add(net, mtime_add(net->now, d), EV_IKE, len);
		e->from = index_of(p);
		e->to = index_of(to);
		e->src = src;
		e->dst = dst;
		e->natt = a->send.natt;
		memcpy(e->data, buf, len);
	}
}

static struct ike_net_sa *find_sa(struct ike_net_peer *p, bool inbound, uint32_t spi)
{
	for (unsigned i = 0; i < IKE_NET_SAS; i++)
		if (p->sa[i].used && p->sa[i].sa.inbound == inbound && p->sa[i].sa.spi == spi)
			return &p->sa[i];
	return NULL;
}

/* The inbound SA, at any peer, of this SPI. */
static struct ike_net_sa *find_inbound(struct ike_net *net, uint32_t spi, struct ike_net_peer **ret_peer)
{
	for (unsigned i = 0; i < net->n_peers; i++) {
		struct ike_net_sa *s = find_sa(&net->peer[i], true, spi);

		if (s) {
			*ret_peer = &net->peer[i];
			return s;
		}
	}
	return NULL;
}

/* An outbound SA comes into use: does its other half exist, with the same keys? */
static void check_outbound(struct ike_net_peer *p, const struct ike_child_sa *out)
{
	struct ike_net_peer *other;
	struct ike_net_sa *in = find_inbound(p->net, out->spi, &other);

	if (!in) {
		p->net->inbound_missing += p->up; /* a responder's first pair is ahead of the initiator's */
		return;
	}
	if (in->sa.encr != out->encr || in->sa.encr_key_bits != out->encr_key_bits ||
	    in->sa.integ != out->integ || in->sa.esn != out->esn || in->sa.udp_encap != out->udp_encap ||
	    memcmp(in->sa.encr_key, out->encr_key, sizeof(out->encr_key)) ||
	    memcmp(in->sa.integ_key, out->integ_key, sizeof(out->integ_key)))
		p->net->keys_differ++;
}

static bool sa_add(struct ike_net_peer *p, const struct ike_child_sa *sa)
{
	if (sa->inbound && p->fail_inbound_add) {
		p->fail_inbound_add = false;
		return false;
	}
	if (find_sa(p, sa->inbound, sa->spi))
		p->net->same_spi_twice++;
	for (unsigned i = 0; i < IKE_NET_SAS; i++) {
		if (p->sa[i].used)
			continue;
		p->sa[i] = (struct ike_net_sa){ .used = true, .sa = *sa };
		if (!sa->inbound) {
			check_outbound(p, sa);
			p->current_out = sa->spi;
		}
		return true;
	}
	fail_msg("model data plane is full: SAs leak");
	return false;
}

static void sa_del(struct ike_net_peer *p, bool inbound, uint32_t spi)
{
	struct ike_net_sa *s = find_sa(p, inbound, spi);

	assert_non_null(s);
	s->used = false;
	if (!inbound && p->current_out == spi)
		p->current_out = 0;
}

static void moved(struct ike_net_peer *p, const struct ike_action *a)
{
	p->moved++;
	for (unsigned i = 0; i < IKE_NET_SAS; i++) {
		struct ike_child_sa *sa = &p->sa[i].sa;

		if (!p->sa[i].used)
			continue;
		sa->local = a->moved.local;
		sa->remote = a->moved.remote;
		sa->udp_encap = a->moved.udp_encap;
	}
}

static void exec(struct ike_net_peer *p, struct ike_action *a)
{
	struct ike_net *net = p->net;
	struct reason why;

	switch (a->kind) {
	case IKE_ACT_SEND: send_datagram(p, a); break;
	case IKE_ACT_JOB: {
		struct ike_net_event *e = event_add(net, mtime_add(net->now, net->job_delay), EV_JOB, 0);

		e->to = index_of(p);
		e->for_ike = p->ike;
		e->job = a->job;
		break;
	}
	case IKE_ACT_SA_ADD:
		if (!sa_add(p, &a->sa_add)) {
			reason_set(&why, "test-refused", "the model data plane was told to refuse this");
			ike_action_failed(p->ike, a->id, &why, net->now);
		}
		break;
	case IKE_ACT_SA_DEL: sa_del(p, a->sa_del.inbound, a->sa_del.spi); break;
	case IKE_ACT_STATE:
		p->phase = a->state.phase;
		p->next_attempt = a->state.next_attempt;
		if (reason_is_set(&a->state.why))
			p->why = a->state.why;
		break;
	case IKE_ACT_CHILD_UP:
		assert_false(p->up);
		assert_non_null(find_sa(p, true, a->child.spi_in));
		assert_non_null(find_sa(p, false, a->child.spi_out));
		p->up = true;
		p->live_in = a->child.spi_in;
		p->ups++;
		break;
	case IKE_ACT_CHILD_REKEYED:
		assert_true(p->up);
		assert_int_equal(p->live_in, a->child.old_spi_in);
		assert_non_null(find_sa(p, true, a->child.spi_in));
		assert_non_null(find_sa(p, false, a->child.spi_out));
		p->live_in = a->child.spi_in;
		p->rekeys++;
		p->how = a->child.how;
		break;
	case IKE_ACT_IKE_REKEYED:
		p->ike_rekeys++;
		p->ike_how = a->ike.how;
		break;
	case IKE_ACT_CHILD_DOWN:
		assert_true(p->up);
		assert_non_null(find_sa(p, true, p->live_in)); /* it is said before the SAs go */
		p->up = false;
		p->downs++;
		break;
	case IKE_ACT_REMOTE_MOVED: moved(p, a); break;
	case IKE_ACT_REPORT:
		p->reports++;
		p->report = a->report.why;
		if (a->report.severity == IKE_REPORT_OTHERS)
			p->beside = a->report.why;
		else if (a->report.severity != IKE_REPORT_INFO)
			p->last_warning = a->report.why;
		break;
	}
}

void ike_net_drain(struct ike_net *net)
{
	for (unsigned i = 0; i < net->n_peers; i++) {
		struct ike_net_peer *p = &net->peer[i];
		struct ike_action a;

		while (ike_next_action(p->ike, &a)) {
			exec(p, &a);
			cleanse(&a, sizeof(a));
		}
	}
}

static void esp_arrives(struct ike_net *net, const struct ike_net_event *e)
{
	struct ike_net_peer *p = &net->peer[e->to];
	struct ike_net_sa *s = find_sa(p, true, e->spi);

	if (!s) {
		net->peer[e->from].esp_missed++;
		return;
	}
	if (!s->seen) {
		s->seen = true;
		ike_fact_first_packet(p->ike, IKE_NET_CONN, e->spi, net->now);
	}
	ike_fact_inbound(p->ike, IKE_NET_CONN, net->now);
	s->packets++;
	ike_fact_usage(p->ike, IKE_NET_CONN, e->spi,
	    &(struct ike_usage){ s->packets * IKE_NET_PACKET, s->packets, net->now }, net->now);
}

static void traffic(struct ike_net *net)
{
	for (unsigned i = 0; i < net->n_peers; i++) {
		struct ike_net_peer *p = &net->peer[i], *to;
		struct ike_net_sa *out = p->current_out ? find_sa(p, false, p->current_out) : NULL;
		struct ike_net_event *e;
		struct endpoint dst;
		struct addr source;

		if (!out || !p->up)
			continue;
		dst = out->sa.remote;
		p->esp_sent++;
		if (!leaves_by(p, &out->sa.local.addr, &source) || !passes(net, &source, &dst.addr)) {
			p->esp_stray++;
			continue;
		}
		to = route(net, &dst);
		if (!to || ((p->nat || to->nat) && !out->sa.udp_encap))
			p->esp_stray++;
		if (!to || p->cut || to->cut || (!net->esp_lossless && percent(net, net->loss)))
			continue;
		e = event_add(net, mtime_add(net->now, delay(net)), EV_ESP, 0);
		e->from = i;
		e->to = index_of(to);
		e->spi = p->current_out;
	}
}

static void handle(struct ike_net *net, struct ike_net_event *e)
{
	struct ike_net_peer *p = &net->peer[e->to];

	switch (e->kind) {
	case EV_IKE:
		if (!p->cut)
			ike_input(p->ike, &e->dst, &e->src, e->natt, e->data, e->len, net->now);
		break;
	case EV_ESP:
		if (!p->cut)
			esp_arrives(net, e);
		break;
	case EV_JOB:
		if (e->for_ike == p->ike && !p->no_job) {
			ike_job_run(e->job);
			ike_job_done(p->ike, e->job, net->now);
			e->job = NULL;
		}
		break;
	}
	event_free(e);
}

/* One step, if something happens before `until`. */
static bool step(struct ike_net *net, mtime until)
{
	mtime t = until, tick = net->traffic.ns ? net->next_traffic : MTIME_NEVER;
	struct ike_net_event *e = net->events;
	unsigned due = IKE_NET_PEERS;

	for (unsigned i = 0; i < net->n_peers; i++) {
		mtime d = ike_deadline(net->peer[i].ike);

		if (d.ns < t.ns) {
			t = d;
			due = i;
		}
	}
	if (e && e->at.ns <= t.ns && e->at.ns <= tick.ns && e->at.ns < until.ns) {
		net->now = mtime_max(net->now, e->at);
		net->events = e->next;
		handle(net, e);
	} else if (tick.ns <= t.ns && tick.ns < until.ns) {
		net->now = mtime_max(net->now, tick);
		net->next_traffic = mtime_add(net->now, net->traffic);
		traffic(net);
	} else if (due < IKE_NET_PEERS) {
		net->now = mtime_max(net->now, t);
		ike_timer(net->peer[due].ike, net->now);
	} else {
		net->now = mtime_max(net->now, until);
		return false;
	}
	ike_net_drain(net);
	return true;
}

void ike_net_run(struct ike_net *net, mdur d)
{
	mtime until = mtime_add(net->now, d);

	ike_net_drain(net);
	for (unsigned steps = 0; step(net, until); steps++)
		assert_true(steps < 2000000); /* a timer that fires without end */
}

bool ike_net_run_until(struct ike_net *net, mdur d, bool (*done)(struct ike_net *net))
{
	mtime until = mtime_add(net->now, d);

	ike_net_drain(net);
	for (unsigned steps = 0; !done(net) && step(net, until); steps++)
		assert_true(steps < 2000000);
	return done(net);
}

bool ike_net_both_up(struct ike_net *net)
{
	return net->peer[0].up && net->peer[1].up;
}

struct ike_conn_config ike_net_config(const struct ike_net *net, unsigned self, unsigned other,
    const char *ike_proposal, const char *esp_proposal)
{
	static const uint8_t psk[] = "a very secret key";
	struct prefix any = { .addr = addr_v4(0), .len = 0 };
	struct ike_conn_config c = { .role = IKE_ROLE_BOTH };
	const struct ike_net_peer *o = &net->peer[other];
	struct reason why;

	snprintf(c.name, sizeof(c.name), "peer%u", self);
	c.local = net->peer[self].addr;
	c.remote[0] = o->nat ? o->public : o->addr;
	c.n_remote = 1;
	c.psk = psk;
	c.psk_len = sizeof(psk) - 1;
	if (ike_proposal_parse(ike_proposal, false, &c.ike_proposals.list[0], &why) ||
	    ike_proposal_parse(esp_proposal, true, &c.esp_proposals.list[0], &why))
		fail_msg("%s", why.text);
	c.ike_proposals.n = c.esp_proposals.n = 1;
	c.tsi[0] = c.tsr[0] = ike_ts_from_prefix(&any);
	c.n_tsi = c.n_tsr = 1;
	c.narrow = true;
	c.liveness_interval = mdur_s(10);
	c.retry_min = mdur_s(1);
	c.retry_max = mdur_s(20);
	return c;
}

void ike_net_add(struct ike_net *net, unsigned i, const struct ike_conn_config *config)
{
	struct reason why;

	if (ike_conn_add(net->peer[i].ike, IKE_NET_CONN, config, &why))
		fail_msg("%s", why.text);
}

void ike_net_up(struct ike_net *net, unsigned i)
{
	ike_conn_up(net->peer[i].ike, IKE_NET_CONN, net->now);
	ike_net_drain(net);
}

void ike_net_down(struct ike_net *net, unsigned i)
{
	ike_conn_down(net->peer[i].ike, IKE_NET_CONN, net->now);
	ike_net_drain(net);
}

unsigned ike_net_count(const struct ike_net *net, unsigned i)
{
	unsigned n = 0;

	for (unsigned j = 0; j < IKE_NET_SAS; j++)
		n += net->peer[i].sa[j].used;
	return n;
}

const char *ike_net_check_rest(struct ike_net *net, unsigned a, unsigned b)
{
	static char text[160];
	struct ike_conn_view va, vb;
	struct ike_stats sa, sb;

	ike_conn_view(net->peer[a].ike, IKE_NET_CONN, &va);
	ike_conn_view(net->peer[b].ike, IKE_NET_CONN, &vb);
	ike_stats(net->peer[a].ike, &sa);
	ike_stats(net->peer[b].ike, &sb);
	if (net->same_spi_twice || net->inbound_missing || net->keys_differ) {
		snprintf(text, sizeof(text), "faults: spi twice %u, inbound missing %u, keys differ %u",
		    net->same_spi_twice, net->inbound_missing, net->keys_differ);
		return text;
	}
	if (!net->peer[a].up || !net->peer[b].up || !va.have_child || !vb.have_child)
		return "a child is missing";
	if (va.child_spi_in != vb.child_spi_out || va.child_spi_out != vb.child_spi_in)
		return "the ends use different children";
	if (va.spi_i != vb.spi_i || va.spi_r != vb.spi_r)
		return "the ends are on different IKE SAs";
	if (sa.established != 1 || sb.established != 1) {
		snprintf(
		    text, sizeof(text), "established IKE SAs: %u and %u", sa.established, sb.established);
		return text;
	}
	if (ike_net_count(net, a) != 2 || ike_net_count(net, b) != 2) {
		snprintf(text, sizeof(text), "SAs in the data planes: %u and %u", ike_net_count(net, a),
		    ike_net_count(net, b));
		return text;
	}
	return NULL;
}

const char *ike_net_check_empty(const struct ike_net *net)
{
	for (unsigned i = 0; i < net->n_peers; i++)
		if (ike_net_count(net, i))
			return "SAs are left in a data plane";
	return NULL;
}

void ike_net_assert(const struct ike_net *net, const char *problem)
{
	if (problem)
		fail_msg("seed %llu at %lld ms: %s", (unsigned long long)net->seed,
		    (long long)(net->now.ns / 1000000), problem);
}

void ike_net_pair(struct ike_net *net, uint64_t seed, const char *ike_proposal, const char *esp_proposal)
{
	struct ike_conn_config a, b;

	ike_net_init(net, seed, 2);
	a = ike_net_config(net, 0, 1, ike_proposal, esp_proposal);
	b = ike_net_config(net, 1, 0, ike_proposal, esp_proposal);
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
}

void ike_net_start_pair(struct ike_net *net)
{
	ike_net_up(net, 1);
	ike_net_up(net, 0);
	if (!ike_net_run_until(net, mdur_s(120), ike_net_both_up))
		fail_msg(
		    "seed %llu does not come up: %s", (unsigned long long)net->seed, net->peer[0].why.text);
}

void ike_net_finish(struct ike_net *net)
{
	net->loss = net->repeat = net->reorder = 0;
	for (unsigned i = 0; i < net->n_peers; i++)
		ike_net_down(net, i);
	ike_net_run(net, mdur_s(120));
	ike_net_assert(net, ike_net_check_empty(net));
	for (unsigned i = 0; i < net->n_peers; i++)
		assert_int_equal(ike_pending(net->peer[i].ike), 0);
	ike_net_free(net);
}

void ike_net_inject(
    struct ike_net *net, unsigned i, const struct endpoint *from, bool natt, const uint8_t *data, size_t len)
{
	struct endpoint local = { net->peer[i].addr, natt ? 4500 : 500 };

	ike_input(net->peer[i].ike, &local, from, natt, data, len, net->now);
	ike_net_drain(net);
}
