/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFRM, the kernel's IPsec (linux/xfrm.h): states (SAs), policies, and events, in a routing domain. ESP in
 * tunnel mode, bound to an xfrm interface by `if_id` (xfrm_link.h). It translates and knows no policy of its
 * own: which states are ours is its caller's business.
 *
 * Addresses are base/addr values (network order inside), every number is in host order. A socket belongs to
 * one thread. Messages that hold keys are cleansed once they are sent.
 */
#ifndef CW_SYS_XFRM_H
#define CW_SYS_XFRM_H

#include "base/addr.h"
#include "base/crypto.h"
#include "base/reason.h"
#include "connector/sys/domain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

#define XFRM_REPLAY_WORDS_MAX 128 /* windows of up to 4096 packets; the kernel's own limit */

/* How far a state has come; what makes one that is put in again go on where it was (RFC 4303 2.2, 3.4.3). */
struct xfrm_replay_pos {
	uint64_t out, in;                     /* the last sequence number sent, the highest received */
	uint32_t window;                      /* packets; a multiple of 32 */
	uint32_t seen[XFRM_REPLAY_WORDS_MAX]; /* the kernel's own form */
};

/* A state to be. */
struct xfrm_state_params {
	struct addr src, dst; /* outer */
	uint32_t spi, reqid, if_id;
	enum encr_id encr;
	unsigned encr_key_bits;
	enum integ_id integ;         /* INTEG_NONE with an AEAD */
	const uint8_t *encr_key;     /* as long as encr_info says, with its salt behind it */
	const uint8_t *integ_key;    /* as long as integ_info says */
	bool esn;                    /* RFC 4303 2.2.1 */
	uint32_t replay_window;      /* packets; rounded up to 32, at most 4096; counts for inbound ones */
	bool no_df, no_dscp, no_ecn; /* of the inner header nothing goes outside; no_ecn: nor inside */
	bool encap;                  /* ESP in UDP (RFC 3948), with these ports */
	uint16_t encap_sport, encap_dport;
	uint64_t hard_seconds;    /* it ends by itself, so long after it was added; 0: never */
	uint64_t soft_packets;    /* one event when so many have gone through; 0: none */
	uint32_t event_packets;   /* an event each time so many have gone through; 0: none */
	unsigned offload_ifindex; /* ask this interface's hardware; 0: don't. Not with encap */
	bool offload_inbound;
	const struct xfrm_replay_pos *go_on; /* NULL: from the start */
};

/* A state that is. */
struct xfrm_state_view {
	struct addr src, dst;
	uint32_t spi, reqid, if_id;
	bool esp, esn, encap;
	uint16_t encap_sport, encap_dport;
	uint64_t bytes, packets;
	uint64_t added;                                  /* second of the wall clock */
	uint32_t replayed, out_of_window, not_authentic; /* dropped; wrap around */
	struct xfrm_replay_pos pos;
};

/* What a policy selects: prefixes, and a protocol with ports. mask 0xffff: that port, 0: any. */
struct xfrm_flow {
	struct prefix src, dst; /* of one family */
	uint8_t protocol;       /* 0: any */
	uint16_t sport, sport_mask, dport, dport_mask;
};
bool xfrm_flow_eq(const struct xfrm_flow *a, const struct xfrm_flow *b);

enum xfrm_dir { XFRM_DIR_IN, XFRM_DIR_OUT, XFRM_DIR_FWD }; /* the kernel's numbers */

struct xfrm_rule { /* a policy: what matches goes by ESP in a tunnel, or not at all */
	enum xfrm_dir dir;
	struct xfrm_flow flow;
	uint32_t if_id, reqid, priority;
	/* Outer addresses: for OUT those of the state; for IN and FWD the source may be unspecified (any). */
	struct addr src, dst;
	uint32_t spi; /* 0: any state of this reqid */
};

enum xfrm_event_kind {
	XFRM_EVENT_STATE,      /* an answer or a part of a dump: `state` */
	XFRM_EVENT_RULE,       /* the same: `rule` (dir, flow, if_id, reqid, priority) */
	XFRM_EVENT_EXPIRED,    /* a lifetime of `state` is over: soft, or hard, then it is gone */
	XFRM_EVENT_PACKETS,    /* event_packets went through `state` (spi, dst, if known) */
	XFRM_EVENT_MOVED,      /* an authenticated packet came from `moved_to`; of `state`: spi, dst, reqid */
	XFRM_EVENT_ACQUIRE,    /* a packet asks for a state: `rule` */
	XFRM_EVENT_GONE,       /* a state was deleted, by whomever: spi and dst in `state` */
	XFRM_EVENT_RULES_GONE, /* policies were deleted: one or all, by whomever */
	XFRM_EVENT_ALL_GONE,   /* all of them were */
};
struct xfrm_event {
	enum xfrm_event_kind kind;
	bool hard;
	uint32_t port; /* the netlink port of the program that caused it, 0: the kernel itself */
	struct xfrm_state_view state;
	struct xfrm_rule rule;
	struct endpoint moved_to;
};
/* Valid during the call. */
typedef void xfrm_handler(void *ctx, const struct xfrm_event *e);

struct xfrm;

/* NULL with a reason ("xfrm-missing": the kernel has no XFRM). */
struct xfrm *xfrm_open(const struct sys_domain *domain, struct reason *ret_reason);
void xfrm_close(struct xfrm *x);
/* A socket for events (all but ACQUIRE until xfrm_hear_acquires). */
struct xfrm *xfrm_monitor(const struct sys_domain *domain, struct reason *ret_reason);
int xfrm_hear_acquires(struct xfrm *monitor); /* 0, or -errno */
int xfrm_fd(const struct xfrm *x);
uint32_t xfrm_port(const struct xfrm *x); /* as in struct xfrm_event */
/* Delivers what has arrived. 0; -ENOBUFS: events were lost; other -errno. */
int xfrm_read(struct xfrm *monitor, xfrm_handler *handler, void *ctx);

/* 0, or -errno with a reason: -EEXIST when the SPI is taken, -ENOSYS for an algorithm the kernel lacks. */
int xfrm_state_add(struct xfrm *x, const struct xfrm_state_params *p, struct reason *ret_reason);
/* Changes the ports and the lifetime of one that is (its keys and numbers stay). */
int xfrm_state_change(struct xfrm *x, const struct xfrm_state_params *p, struct reason *ret_reason);
/* Sets event_packets of one that is. */
int xfrm_state_events(struct xfrm *x, const struct addr *dst, uint32_t spi, uint32_t packets);
int xfrm_state_del(struct xfrm *x, const struct addr *dst, uint32_t spi); /* 0, or -errno */
/* 0, or -errno (-ESRCH: there is none). */
int xfrm_state_get(struct xfrm *x, const struct addr *dst, uint32_t spi, struct xfrm_state_view *ret_state);
int xfrm_states(struct xfrm *x, xfrm_handler *handler, void *ctx); /* all of the domain */
/* Adds a policy, or replaces the one of the same direction, flow and if_id. 0, or -errno with a reason. */
int xfrm_rule_set(struct xfrm *x, const struct xfrm_rule *r, struct reason *ret_reason);
int xfrm_rule_del(struct xfrm *x, const struct xfrm_rule *r); /* by direction, flow and if_id */
int xfrm_rules(struct xfrm *x, xfrm_handler *handler, void *ctx);

/* --- the bytes, pure (xfrm_build.c, xfrm_parse.c): for xfrm.c and tests --- */
#define XFRM_MSG_ROOM 2048 /* enough for any message below */
/* NULL: an algorithm without a name here. The caller cleanses buf. */
struct nlmsghdr *xfrm_build_state(void *buf, const struct xfrm_state_params *p, bool update);
struct nlmsghdr *xfrm_build_state_id(void *buf, uint16_t type, const struct addr *dst, uint32_t spi);
struct nlmsghdr *xfrm_build_state_events(void *buf, const struct addr *dst, uint32_t spi, uint32_t packets);
struct nlmsghdr *xfrm_build_rule(void *buf, const struct xfrm_rule *r);
struct nlmsghdr *xfrm_build_rule_del(void *buf, const struct xfrm_rule *r);
/* False: of no interest, or malformed. */
bool xfrm_parse(const struct nlmsghdr *nlh, struct xfrm_event *ret_event);

#endif
