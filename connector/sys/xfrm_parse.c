/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says about XFRM. Messages are checked for their length before anything is read; attributes
 * of the wrong size are as if they weren't there.
 */
#include "connector/sys/xfrm.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

static struct addr take_addr(const xfrm_address_t *a, uint16_t family)
{
	return addr_from_bytes(family == AF_INET6 ? 6 : 4, (const uint8_t *)a);
}

static void take_replay(const struct nlattr *a, struct xfrm_replay_pos *pos)
{
	struct xfrm_replay_state_esn head;
	size_t len = mnl_attr_get_payload_len(a), words;

	if (len < sizeof(head))
		return;
	memcpy(&head, mnl_attr_get_payload(a), sizeof(head));
	words = (len - sizeof(head)) / sizeof(uint32_t);
	if (head.bmp_len > words || head.bmp_len > XFRM_REPLAY_WORDS_MAX)
		return;
	pos->out = (uint64_t)head.oseq_hi << 32 | head.oseq;
	pos->in = (uint64_t)head.seq_hi << 32 | head.seq;
	pos->window = head.replay_window;
	memcpy(pos->seen, (const uint8_t *)mnl_attr_get_payload(a) + sizeof(head),
	    head.bmp_len * sizeof(uint32_t));
}

static void take_encap(const struct nlattr *a, struct xfrm_state_view *s)
{
	struct xfrm_encap_tmpl t;

	if (mnl_attr_get_payload_len(a) < sizeof(t))
		return;
	memcpy(&t, mnl_attr_get_payload(a), sizeof(t));
	s->encap = true;
	s->encap_sport = ntohs(t.encap_sport);
	s->encap_dport = ntohs(t.encap_dport);
}

static void take_attrs(const struct nlmsghdr *nlh, size_t head, struct xfrm_event *e)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, head)
	{
		switch (mnl_attr_get_type(a)) {
		case XFRMA_REPLAY_ESN_VAL: take_replay(a, &e->state.pos); break;
		case XFRMA_ENCAP: take_encap(a, &e->state); break;
		case XFRMA_IF_ID:
			if (mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
				e->state.if_id = e->rule.if_id = mnl_attr_get_u32(a);
			break;
		case XFRMA_TMPL:
			if (mnl_attr_get_payload_len(a) >= sizeof(struct xfrm_user_tmpl)) {
				struct xfrm_user_tmpl t;

				memcpy(&t, mnl_attr_get_payload(a), sizeof(t));
				e->rule.reqid = t.reqid;
				e->rule.spi = ntohl(t.id.spi);
				e->rule.src = take_addr(&t.saddr, t.family);
				e->rule.dst = take_addr(&t.id.daddr, t.family);
			}
			break;
		}
	}
}

static void take_state(const struct xfrm_usersa_info *sa, struct xfrm_state_view *s)
{
	s->src = take_addr(&sa->saddr, sa->family);
	s->dst = take_addr(&sa->id.daddr, sa->family);
	s->spi = ntohl(sa->id.spi);
	s->esp = sa->id.proto == IPPROTO_ESP;
	s->reqid = sa->reqid;
	s->esn = sa->flags & XFRM_STATE_ESN;
	s->bytes = sa->curlft.bytes;
	s->packets = sa->curlft.packets;
	s->added = sa->curlft.add_time;
	s->replayed = sa->stats.replay;
	s->out_of_window = sa->stats.replay_window;
	s->not_authentic = sa->stats.integrity_failed;
}

static void take_id(const struct xfrm_usersa_id *id, struct xfrm_state_view *s)
{
	s->dst = take_addr(&id->daddr, id->family);
	s->spi = ntohl(id->spi);
	s->esp = id->proto == IPPROTO_ESP;
}

static void take_flow(const struct xfrm_selector *sel, struct xfrm_flow *f)
{
	f->src = (struct prefix){ .addr = take_addr(&sel->saddr, sel->family), .len = sel->prefixlen_s };
	f->dst = (struct prefix){ .addr = take_addr(&sel->daddr, sel->family), .len = sel->prefixlen_d };
	f->protocol = sel->proto;
	f->sport = ntohs(sel->sport);
	f->sport_mask = ntohs(sel->sport_mask);
	f->dport = ntohs(sel->dport);
	f->dport_mask = ntohs(sel->dport_mask);
}

#define NO_HEAD SIZE_MAX /* of interest, though nothing stands in it */

/* The size of what stands in front of the attributes, by type; 0: of no interest. */
static size_t head_of(uint16_t type)
{
	switch (type) {
	case XFRM_MSG_NEWSA: return sizeof(struct xfrm_usersa_info);
	case XFRM_MSG_NEWPOLICY: return sizeof(struct xfrm_userpolicy_info);
	case XFRM_MSG_EXPIRE: return sizeof(struct xfrm_user_expire);
	case XFRM_MSG_NEWAE: return sizeof(struct xfrm_aevent_id);
	case XFRM_MSG_MAPPING: return sizeof(struct xfrm_user_mapping);
	case XFRM_MSG_ACQUIRE: return sizeof(struct xfrm_user_acquire);
	case XFRM_MSG_DELSA: return sizeof(struct xfrm_usersa_id);
	case XFRM_MSG_FLUSHSA: return sizeof(struct xfrm_usersa_flush);
	case XFRM_MSG_DELPOLICY: return sizeof(struct xfrm_userpolicy_id);
	case XFRM_MSG_FLUSHPOLICY: return NO_HEAD;
	default: return 0;
	}
}

static void take_mapping(const struct xfrm_user_mapping *m, struct xfrm_event *e)
{
	take_id(&m->id, &e->state);
	e->state.reqid = m->reqid;
	e->moved_to.addr = take_addr(&m->new_saddr, m->id.family);
	e->moved_to.port = ntohs(m->new_sport);
}

/* What stands there: copied out, because in a dump it is aligned to 4 only. */
union head {
	struct xfrm_usersa_info sa;
	struct xfrm_userpolicy_info policy;
	struct xfrm_user_expire expire;
	struct xfrm_aevent_id aevent;
	struct xfrm_user_mapping mapping;
	struct xfrm_user_acquire acquire;
	struct xfrm_usersa_id id;
	struct xfrm_usersa_flush flush;
};

bool xfrm_parse(const struct nlmsghdr *nlh, struct xfrm_event *ret_event)
{
	size_t head = head_of(nlh->nlmsg_type);
	struct xfrm_event e = { .port = nlh->nlmsg_pid };
	union head h;

	if (head == NO_HEAD)
		head = 0;
	else if (!head || mnl_nlmsg_get_payload_len(nlh) < head)
		return false;
	memcpy(&h, mnl_nlmsg_get_payload(nlh), head);
	switch (nlh->nlmsg_type) {
	case XFRM_MSG_NEWSA:
		e.kind = XFRM_EVENT_STATE;
		take_state(&h.sa, &e.state);
		break;
	case XFRM_MSG_NEWPOLICY:
		e.kind = XFRM_EVENT_RULE;
		e.rule.dir = (enum xfrm_dir)h.policy.dir;
		e.rule.priority = h.policy.priority;
		take_flow(&h.policy.sel, &e.rule.flow);
		break;
	case XFRM_MSG_EXPIRE:
		e.kind = XFRM_EVENT_EXPIRED;
		e.hard = h.expire.hard;
		take_state(&h.expire.state, &e.state);
		break;
	case XFRM_MSG_NEWAE:
		e.kind = XFRM_EVENT_PACKETS;
		take_id(&h.aevent.sa_id, &e.state);
		e.state.reqid = h.aevent.reqid;
		break;
	case XFRM_MSG_MAPPING:
		e.kind = XFRM_EVENT_MOVED;
		take_mapping(&h.mapping, &e);
		break;
	case XFRM_MSG_ACQUIRE:
		e.kind = XFRM_EVENT_ACQUIRE;
		take_flow(&h.acquire.sel, &e.rule.flow);
		break;
	case XFRM_MSG_DELSA:
		e.kind = XFRM_EVENT_GONE;
		take_id(&h.id, &e.state);
		break;
	case XFRM_MSG_DELPOLICY:
	case XFRM_MSG_FLUSHPOLICY: e.kind = XFRM_EVENT_RULES_GONE; break;
	case XFRM_MSG_FLUSHSA: e.kind = XFRM_EVENT_ALL_GONE; break;
	}
	if (nlh->nlmsg_len % NLMSG_ALIGNTO == 0) /* attributes always end so; libmnl reads up to there */
		take_attrs(nlh, head, &e);
	*ret_event = e;
	return true;
}
