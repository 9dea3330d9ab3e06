/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFRM sockets: one for requests, one for events. What the messages look like is in xfrm_build.c and
 * xfrm_parse.c.
 */
#include "connector/sys/xfrm.h"

#include "connector/sys/nl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

struct xfrm {
	struct nl *nl;
};

union room {
	uint64_t align; /* of the numbers in the kernel's structures */
	uint8_t bytes[XFRM_MSG_ROOM];
};

struct xfrm *xfrm_open(const struct sys_domain *domain, struct reason *ret_reason)
{
	struct xfrm *x = calloc(1, sizeof(*x));
	int err = x ? nl_open(domain, NETLINK_XFRM, &x->nl) : -ENOMEM;

	if (!err)
		return x;
	free(x);
	reason_set(ret_reason, err == -EPROTONOSUPPORT ? "xfrm-missing" : "xfrm-open",
	    "a netlink socket for XFRM can't be opened: %s", strerror(-err));
	return NULL;
}

struct xfrm *xfrm_monitor(const struct sys_domain *domain, struct reason *ret_reason)
{
	static const unsigned groups[] = { XFRMNLGRP_EXPIRE, XFRMNLGRP_SA, XFRMNLGRP_POLICY,
		XFRMNLGRP_AEVENTS, XFRMNLGRP_MAPPING };
	struct xfrm *x = xfrm_open(domain, ret_reason);
	int err = 0;

	for (size_t i = 0; x && !err && i < sizeof(groups) / sizeof(groups[0]); i++)
		err = nl_join(x->nl, groups[i]);
	if (!err)
		return x;
	xfrm_close(x);
	reason_set(ret_reason, "xfrm-open", "XFRM's events can't be heard: %s", strerror(-err));
	return NULL;
}

void xfrm_close(struct xfrm *x)
{
	if (!x)
		return;
	nl_close(x->nl);
	free(x);
}

int xfrm_hear_acquires(struct xfrm *monitor)
{
	return nl_join(monitor->nl, XFRMNLGRP_ACQUIRE);
}

int xfrm_fd(const struct xfrm *x)
{
	return nl_fd(x->nl);
}

uint32_t xfrm_port(const struct xfrm *x)
{
	return nl_port(x->nl);
}

struct delivery {
	xfrm_handler *handler;
	void *ctx;
};

static void deliver(void *ctx, const struct nlmsghdr *nlh)
{
	const struct delivery *d = ctx;
	struct xfrm_event e;

	if (xfrm_parse(nlh, &e))
		d->handler(d->ctx, &e);
}

int xfrm_read(struct xfrm *monitor, xfrm_handler *handler, void *ctx)
{
	struct delivery d = { handler, ctx };

	return nl_read(monitor->nl, deliver, &d);
}

/* --- states --- */

static int change_state(
    struct xfrm *x, const struct xfrm_state_params *p, bool update, struct reason *ret_reason)
{
	union room m;
	struct nlmsghdr *nlh = xfrm_build_state(&m, p, update);
	char text[NL_TEXT] = "";
	int err = nlh ? nl_request(x->nl, nlh, NULL, NULL, text) : -ENOSYS;

	cleanse(&m, sizeof(m));
	if (err)
		reason_set(ret_reason, err == -EEXIST ? "spi-in-use" : "xfrm-state",
		    "SA %08x to %s: the kernel refuses it: %s%s%s", p->spi, addr_str(&p->dst), strerror(-err),
		    text[0] ? ": " : "", text);
	return err;
}

int xfrm_state_add(struct xfrm *x, const struct xfrm_state_params *p, struct reason *ret_reason)
{
	return change_state(x, p, false, ret_reason);
}

int xfrm_state_change(struct xfrm *x, const struct xfrm_state_params *p, struct reason *ret_reason)
{
	return change_state(x, p, true, ret_reason);
}

int xfrm_state_events(struct xfrm *x, const struct addr *dst, uint32_t spi, uint32_t packets)
{
	union room m;

	return nl_request(x->nl, xfrm_build_state_events(&m, dst, spi, packets), NULL, NULL, NULL);
}

int xfrm_state_del(struct xfrm *x, const struct addr *dst, uint32_t spi)
{
	union room m;

	return nl_request(x->nl, xfrm_build_state_id(&m, XFRM_MSG_DELSA, dst, spi), NULL, NULL, NULL);
}

static void take_state(void *ctx, const struct xfrm_event *e)
{
	if (e->kind == XFRM_EVENT_STATE)
		*(struct xfrm_state_view *)ctx = e->state;
}

int xfrm_state_get(struct xfrm *x, const struct addr *dst, uint32_t spi, struct xfrm_state_view *ret_state)
{
	struct delivery d = { take_state, ret_state };
	union room m;

	return nl_request(x->nl, xfrm_build_state_id(&m, XFRM_MSG_GETSA, dst, spi), deliver, &d, NULL);
}

static int dump(struct xfrm *x, uint16_t type, size_t head, xfrm_handler *handler, void *ctx)
{
	struct delivery d = { handler, ctx };
	union room m;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&m);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, head);
	return nl_request(x->nl, nlh, deliver, &d, NULL);
}

int xfrm_states(struct xfrm *x, xfrm_handler *handler, void *ctx)
{
	return dump(x, XFRM_MSG_GETSA, sizeof(struct xfrm_usersa_id), handler, ctx);
}

/* --- policies --- */

bool xfrm_flow_eq(const struct xfrm_flow *a, const struct xfrm_flow *b)
{
	return prefix_eq(&a->src, &b->src) && prefix_eq(&a->dst, &b->dst) && a->protocol == b->protocol &&
	       a->sport == b->sport && a->sport_mask == b->sport_mask && a->dport == b->dport &&
	       a->dport_mask == b->dport_mask;
}

int xfrm_rule_set(struct xfrm *x, const struct xfrm_rule *r, struct reason *ret_reason)
{
	union room m;
	char text[NL_TEXT];
	int err = nl_request(x->nl, xfrm_build_rule(&m, r), NULL, NULL, text);

	if (err)
		reason_set(ret_reason, "xfrm-policy", "a policy for %s: the kernel refuses it: %s%s%s",
		    prefix_str(&r->flow.dst), strerror(-err), text[0] ? ": " : "", text);
	return err;
}

int xfrm_rule_del(struct xfrm *x, const struct xfrm_rule *r)
{
	union room m;

	return nl_request(x->nl, xfrm_build_rule_del(&m, r), NULL, NULL, NULL);
}

int xfrm_rules(struct xfrm *x, xfrm_handler *handler, void *ctx)
{
	return dump(x, XFRM_MSG_GETPOLICY, sizeof(struct xfrm_userpolicy_id), handler, ctx);
}
