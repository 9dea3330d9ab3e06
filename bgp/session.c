/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection to a peer: cutting its byte stream into messages, and sending ours. Which message may
 * come when is fsm.c's business; what an UPDATE means is rib_in.c's.
 *
 * Input comes in any cut. A message is gathered in the session's buffer, which a message always fits (RFC
 * 4271 4.1); the first one that is longer, where we said that we take such (RFC 8654), gets the session a
 * larger buffer. The header is judged as soon as it is complete, so a liar's length never makes us wait for
 * more.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

#define RESTART_DEFAULT_S 120
#define GAPS_ENOUGH       3 /* until the peer's keepalive interval is judged */

struct session *session_find(const struct bgp *bgp, uint64_t id)
{
	list_for_each (&bgp->peers, struct peer, p, node)
		for (unsigned i = 0; i < 2; i++)
			if (p->session[i] && p->session[i]->id == id)
				return p->session[i];
	return NULL;
}

struct session *peer_session(const struct peer *p, enum session_state state)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->session[i] && p->session[i]->state == state)
			return p->session[i];
	return NULL;
}

struct session *session_new(struct peer *p, bool incoming)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = ++p->bgp->next_conn;
	s->peer = p;
	s->incoming = incoming;
	s->state = SESSION_CONNECTING;
	s->room = BGP_FIRST_ROOM;
	s->local = p->config.local;
	s->hold_at = s->keepalive_at = s->send_hold_at = MTIME_NEVER;
	p->session[incoming] = s;
	return s;
}

void graveyard_clear(struct bgp *bgp)
{
	list_for_each (&bgp->graveyard, struct session, s, graveyard) {
		list_remove(&s->graveyard);
		session_free(s);
	}
}

void session_free(struct session *s)
{
	if (!s)
		return;
	free(s->extended);
	free(s);
}

/* --- sending --- */
static int transmit(struct session *s, enum bgp_msg_type type, const uint8_t *data, size_t len)
{
	if (act_send(s, data, len) < 0)
		return -1;
	s->peer->msg_out[0]++;
	s->peer->msg_out[type]++;
	return 0;
}

/* Messages that cannot be queued leave the peer waiting; its hold timer, and ours, end that. */
static void transmit_built(struct session *s, enum bgp_msg_type type, const struct wr *w)
{
	if (wr_ok(w))
		(void)transmit(s, type, w->start, wr_len(w));
}

/*
 * What graceful restart we offer. R and F speak of the speaker's last start: R while it is a restart that is
 * not over, F of the families that were forwarded all along (restarting.c).
 */
static struct restart_capability our_restart(const struct peer *p)
{
	const struct bgp_session_config *c = &p->config.session;
	struct restart_capability r = { .notification = c->restart != BGP_RESTART_OFF,
		.restarting = p->bgp->restarting.on };
	mdur time = c->restart_time.ns ? c->restart_time : mdur_s(RESTART_DEFAULT_S);

	if (c->restart != BGP_RESTART_FULL)
		return r;
	r.time = (uint16_t)mdur_to_s(time);
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		r.family[f] = f == BGP_IPV4 ? p->config.ipv4 || !p->config.ipv6 : p->config.ipv6;
		/* After a session has stood our forwarding has stood as well: we are still the same process.
		 */
		r.forwarding[f] =
		    r.family[f] && (p->established_count > 0 || (p->bgp->restarting.on && p->rejoin.kept[f]));
	}
	return r;
}

void session_our_caps(const struct peer *p, struct capabilities *ret_caps)
{
	struct capabilities c = { 0 };
	bool ipv4 = p->config.ipv4 || !p->config.ipv6; /* IPv4 alone unless said */

	if (!p->without_caps)
		c = (struct capabilities){
			.any = true,
			.multiprotocol = true,
			.family = { [BGP_IPV4] = ipv4, [BGP_IPV6] = p->config.ipv6 },
			.route_refresh = true,
			.enhanced_refresh = true,
			.extended_messages = p->config.session.extended_messages,
			.end_of_rib = true,
			.restart = our_restart(p),
			.add_path_receive = { [BGP_IPV4] = ipv4 && p->config.rib.add_path_receive,
			    [BGP_IPV6] = p->config.ipv6 && p->config.rib.add_path_receive },
			.four_octet_as = true,
			.as = peer_local_as(p),
		};
	if (!p->without_caps)
		c.have_role = role_ours(p, &c.role);
	*ret_caps = c;
}

void session_send_open(struct session *s)
{
	const struct peer *p = s->peer;
	uint8_t buf[BGP_OPEN_MIN + BGP_OPT_PARAMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	uint32_t as = peer_local_as(p);
	struct open_msg o = {
		.version = BGP_VERSION,
		.as2 = (uint16_t)(as > UINT16_MAX ? BGP_AS_TRANS : as),
		.hold_time = (uint16_t)mdur_to_s(p->config.hold_time),
		.router_id = p->bgp->config.router_id,
	};

	session_our_caps(p, &o.caps);
	s->said = o.caps.restart;
	open_build(&w, &o);
	transmit_built(s, BGP_MSG_OPEN, &w);
}

static void restart_keepalive(struct session *s)
{
	s->keepalive_at =
	    s->keepalive.ns ? mtime_add(s->peer->bgp->now, jitter(s->peer->bgp, s->keepalive)) : MTIME_NEVER;
}

void session_send_keepalive(struct session *s)
{
	uint8_t buf[BGP_HEADER_LEN];
	struct wr w = wr_init(buf, sizeof(buf));

	keepalive_build(&w);
	transmit_built(s, BGP_MSG_KEEPALIVE, &w);
	restart_keepalive(s);
}

int session_send_update(struct session *s, const uint8_t *data, size_t len)
{
	if (transmit(s, BGP_MSG_UPDATE, data, len) < 0)
		return -1;
	restart_keepalive(s); /* RFC 4271 8.2.2: an UPDATE is a sign of life too */
	return 0;
}

int session_send_refresh(struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype)
{
	uint8_t buf[BGP_REFRESH_LEN];
	struct wr w = wr_init(buf, sizeof(buf));
	struct refresh_msg m = { .afi = family == BGP_IPV4 ? BGP_AFI_IPV4 : BGP_AFI_IPV6,
		.subtype = (uint8_t)subtype,
		.safi = BGP_SAFI_UNICAST };

	refresh_build(&w, &m);
	return transmit(s, BGP_MSG_ROUTE_REFRESH, buf, wr_len(&w));
}

void session_transmit_notify(struct session *s, const struct notify *n)
{
	uint8_t buf[BGP_NOTIFY_MIN + NOTIFY_DATA_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	notification_build(&w, n);
	transmit_built(s, BGP_MSG_NOTIFICATION, &w);
}

/* --- receiving --- */
uint16_t session_message_max(const struct session *s)
{
	return s->terms.extended_messages ? BGP_EXTENDED_MAX : BGP_MESSAGE_MAX;
}

/* Whoever heard that we take long messages may send them, whatever it takes itself (RFC 8654 4). */
static uint16_t input_max(const struct session *s)
{
	bool agreed = s->state == SESSION_OPENCONFIRM || s->state == SESSION_ESTABLISHED;

	return agreed && s->peer->config.session.extended_messages ? BGP_EXTENDED_MAX : BGP_MESSAGE_MAX;
}

/* Gaps between signs of life that end with a KEEPALIVE: how the peer keeps its time (RFC 4271 4.4). */
static void note_gap(struct session *s, uint8_t type)
{
	struct keepalive_gaps *g = &s->gaps;
	mtime now = s->peer->bgp->now;
	mdur gap = mtime_since(now, g->last);
	bool counts = type == BGP_MSG_KEEPALIVE && g->last.ns && s->state == SESSION_ESTABLISHED;

	g->last = now;
	if (!counts)
		return;
	g->min = g->n && g->min.ns < gap.ns ? g->min : gap;
	g->max = g->max.ns > gap.ns ? g->max : gap;
	g->sum.ns += gap.ns;
	g->n++;
	if (g->told || g->n < GAPS_ENOUGH || !s->hold.ns || 2 * (g->sum.ns / g->n) < s->hold.ns)
		return;
	g->told = true;
	act_report(s->peer, false, "bgp-keepalives-sparse",
	    "%s: it sends a KEEPALIVE each %lld s, and the hold time is %lld s: one that is lost or late "
	    "ends the "
	    "session. A "
	    "keepalive interval of a third of the hold time is usual (RFC 4271 10); set it at the peer, or "
	    "offer a longer "
	    "hold-time here",
	    s->peer->config.name, (long long)mdur_to_s((mdur){ g->sum.ns / g->n }),
	    (long long)mdur_to_s(s->hold));
}

void session_count_in(struct session *s, uint8_t type)
{
	s->peer->msg_in[0]++;
	s->peer->msg_in[type]++;
	s->peer->last_message_in = s->peer->bgp->now;
	if (type == BGP_MSG_KEEPALIVE || type == BGP_MSG_UPDATE)
		note_gap(s, type);
}

void session_alive(struct session *s)
{
	s->read_asked = false;
	s->hold_at = s->hold.ns ? mtime_add(s->peer->bgp->now, s->hold) : MTIME_NEVER;
}

static uint8_t *buffer(struct session *s)
{
	return s->extended ? s->extended : s->small;
}

/* How long the message in the buffer is, as far as that can be said; -1 when its header is wrong. */
static int wanted(
    struct session *s, size_t *ret_want, struct msg_header *ret_header, struct notify *ret_notify)
{
	struct rd r = rd_init(buffer(s), s->in_len);

	*ret_want = BGP_HEADER_LEN;
	if (s->in_len < BGP_HEADER_LEN)
		return 0;
	if (header_parse_within(&r, input_max(s), ret_header, ret_notify) < 0)
		return -1;
	*ret_want = ret_header->len;
	return 0;
}

static int make_room(struct session *s, size_t want, struct notify *ret_notify)
{
	if (want <= sizeof(s->small) || s->extended)
		return 0;
	s->extended = malloc(BGP_EXTENDED_MAX);
	if (!s->extended)
		return notify_set(ret_notify, BGP_ERR_CEASE, BGP_CEASE_RESOURCES, NULL, 0,
		    "%s: no memory for a message of %zu octets", s->peer->config.name, want);
	memcpy(s->extended, s->small, s->in_len);
	return 0;
}

static void process(struct session *s, const struct msg_header *h)
{
	struct rd r = rd_init(buffer(s), s->in_len);

	(void)rd_skip(&r, BGP_HEADER_LEN);
	act_message(s, h->type, buffer(s), s->in_len);
	s->in_len = 0;
	session_count_in(s, h->type);
	fsm_message(s, h->type, r);
}

void session_input(struct session *s, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	struct msg_header h = { 0 };
	struct notify n;
	size_t want;

	while (s->state != SESSION_CLOSED) {
		size_t take;

		if (wanted(s, &want, &h, &n) < 0 || make_room(s, want, &n) < 0) {
			fsm_session(s, FSM_ERROR, &(struct fsm_fact){ .notify = &n });
			return;
		}
		if (s->in_len >= BGP_HEADER_LEN && s->in_len == want) {
			process(s, &h);
			continue;
		}
		take = want - s->in_len < rd_left(&r) ? want - s->in_len : rd_left(&r);
		if (take == 0)
			return;
		rd_bytes(&r, buffer(s) + s->in_len, take);
		s->in_len += take;
	}
}

/* --- OPEN against what we know of the peer (RFC 4271 6.2, RFC 6286, RFC 6793) --- */
int open_check(const struct session *s, const struct open_msg *o, struct notify *ret_notify)
{
	const struct peer *p = s->peer;

	if (open_as(o) != p->config.peer_as || open_as(o) == 0)
		return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_PEER_AS, NULL, 0,
		    "%s says it is AS %u, configured is AS %u", p->config.name, open_as(o),
		    p->config.peer_as);
	if (peer_internal(p) && o->router_id == p->bgp->config.router_id)
		return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_BGP_ID, NULL, 0,
		    "%s has our own router id; inside an AS each speaker needs its own", p->config.name);
	return 0;
}

void session_set_terms(struct session *s, const struct open_msg *o, const struct negotiated *terms)
{
	mdur ours = s->peer->config.hold_time, theirs = mdur_s(o->hold_time), third;

	s->theirs = *o;
	s->terms = *terms;
	s->hold = ours.ns < theirs.ns ? ours : theirs;
	third = mdur_mul(s->hold, 1, 3);
	s->keepalive = s->peer->config.keepalive.ns < third.ns ? s->peer->config.keepalive : third;
}
