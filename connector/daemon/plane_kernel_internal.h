/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the kernel's data plane, for connector/daemon/plane_kernel*.c and their tests only.
 *
 * Ours in the kernel is what carries an if_id of our range, which is the reqid, too. Ports 500 and 4500 admit
 * one IKE daemon to a namespace, so what is of our range at the start is a dead predecessor's.
 */
#ifndef CW_DAEMON_PLANE_KERNEL_INTERNAL_H
#define CW_DAEMON_PLANE_KERNEL_INTERNAL_H

#include "base/list.h"
#include "connector/daemon/plane_kernel.h"
#include "connector/sys/xfrm.h"

#define PK_IF_ID_BASE  0xc5e70000U /* with the tunnel's number in the lower 16 bits, from 1 */
#define PK_IF_ID_MASK  0xffff0000U
#define PK_TUNNELS_MAX 0xfffeU
#define PK_IF_ID_TRY   (PK_IF_ID_BASE | 0xffff)
#define PK_WINDOW      2048        /* packets that may overtake each other (RFC 4303 3.4.3) */
#define PK_FLOWS_MAX   128         /* policies of one SA in one direction */
#define PK_PRIORITY    1000        /* all the same: within one tunnel, every policy leads to the same SA */
#define PK_SEQ_NEAR    0xc0000000U /* three quarters of the numbers of an SA without ESN */
#define PK_LOOPBACK    0x7f000001U /* both ends of the state that takes packets while there is no SA */
#define PK_JUMP        (1U << 20)  /* numbers left out when an SA is put in anew: none is ever used twice */

struct pk_sa {
	struct list link;  /* in its tunnel */
	struct plane_sa p; /* with its keys: cleansed when freed */
	bool first_reported, first_seen, lost, lost_reported;
	uint64_t packets, bytes;           /* in the kernel, at the last look */
	uint64_t packets_gone, bytes_gone; /* of states that this one was before (a changed address) */
	uint32_t replayed, not_authentic;
	mtime last;
};

struct pk_tunnel {
	struct list link;
	struct list sas_in,
	    sas_out; /* of the outbound ones the first is in use: the newest, or plane_sa_use's */
	uint32_t id, if_id;
	int ifindex;
	bool keepalive;
	uint64_t kept_packets;   /* outbound, when keepalives were last thought about */
	struct xfrm_rule *rules; /* in the kernel */
	size_t n_rules;
	struct plane_counters gone;  /* of SAs that are no more */
	struct plane_kept *old;      /* a predecessor's SAs, which still carry traffic; NULL: none */
	struct xfrm_rule *old_rules; /* that lead to these */
	size_t n_old_rules;
	bool armed;           /* packets ask for it; while it has no outbound SA: */
	struct pk_keep *keep; /* plane_kernel_keep.c */
};

struct plane_kernel {
	struct plane_impl impl;
	struct plane_events events;
	void *ctx;
	const struct logger *log;
	const struct sys_domain *domain;
	struct plane_user *user;
	struct xfrm *xfrm, *monitor;
	struct list tunnels;
	uint32_t next_number; /* of if_ids */
	int epoll_fd, wake_fd, timer_fd;
	mdur keepalive;
	struct list kept; /* struct pk_kept: of a predecessor, for tunnels to take over */
	bool leaving;     /* what is in the kernel stays there */
	bool trying;      /* a successor that may fail: what it found stays there */
	int sink_fd;      /* of what waits for an SA; -1: not needed yet */
	uint16_t sink_port;
};
static inline struct plane_kernel *plane_kernel_of(struct plane_impl *i)
{
	return (struct plane_kernel *)i; /* it is the first member */
}

/* --- selectors (plane_kernel_rules.c), pure --- */
/* The prefixes that make up a range of addresses; how many, or -1: more than max. */
int pk_range_prefixes(const struct addr *first, const struct addr *last, struct prefix out[], unsigned max);
struct pk_ports {
	uint16_t port, mask;
};
/* The same for ports. */
int pk_range_ports(uint16_t first, uint16_t last, struct pk_ports out[], unsigned max);
/* What an SA's selectors let out (outbound) or in (inbound), as flows. How many, or -1: more than max. */
int pk_flows(const struct plane_sa *sa, struct xfrm_flow out[], unsigned max);
/*
 * The policies a tunnel's SAs ask for: out by the newest outbound one, in and forwarded by all inbound ones.
 * 0 and an array to free, or -1: memory, or too many.
 */
int pk_wanted(const struct pk_tunnel *t, struct xfrm_rule **ret_rules, size_t *ret_n);

/* --- what a predecessor left (plane_kernel_restart.c) --- */
struct pk_kept {
	struct list link;
	struct plane_kept is;
	struct xfrm_rule *rules; /* as the kernel has them */
	size_t n_rules;
};
/* Takes note of what is to be kept and is there; what else is of our range goes. */
void pk_sweep(struct plane_kernel *k, const struct plane_config *config);
/* The tunnel takes over what is kept by this name. False: nothing is. */
bool pk_take_over(struct plane_kernel *k, struct pk_tunnel *t, const char *interface);
void pk_kept_clear(struct plane_kernel *k, const char *interface); /* nobody takes that over */
void pk_old_gone(struct plane_kernel *k, struct pk_tunnel *t); /* its states; the policies are the caller's */
void pk_kept_free(struct plane_kernel *k);                     /* what nobody took over */
void pk_let_go(struct plane_kernel *k, struct pk_tunnel *t);   /* frees it, and leaves the kernel as it is */
bool pk_if_id_kept(const struct plane_kernel *k, uint32_t if_id);

/* --- packets that ask for a tunnel (plane_kernel_keep.c) --- */
int pk_keep_arm(struct plane_kernel *k, struct pk_tunnel *t, bool on, struct reason *ret_reason);
/* Packets are kept from now on, or not any more, as the tunnel's SAs and whether it is armed say. */
int pk_keep_update(struct plane_kernel *k, struct pk_tunnel *t, struct reason *ret_reason);
void pk_keep_look(struct pk_tunnel *t); /* what has come is kept */
/* There is an SA, and the policies lead to it: what was kept leaves by it. */
void pk_keep_release(struct plane_kernel *k, struct pk_tunnel *t);
/* Others took states out of the kernel, this one or (0) all: where packets are kept, it is put back. */
void pk_keep_restore(struct plane_kernel *k, uint32_t spi);
/* Raises the event of one tunnel that a packet asks for. False: there is none. */
bool pk_keep_notify(struct plane_kernel *k);

/* --- tunnels and SAs (plane_kernel_control.c) --- */
/* Brings the tunnel's policies to what its SAs ask for. On failure the rest is done all the same. */
int pk_update_rules(struct plane_kernel *k, struct pk_tunnel *t, struct reason *ret_reason);
/* An SA as the kernel is to have it; points to its keys. */
struct xfrm_state_params pk_params_of(const struct pk_tunnel *t, const struct plane_sa *p);
extern const struct plane_ops plane_kernel_ops;
void pk_sa_free(struct pk_sa *sa);
void pk_tunnel_free(struct plane_kernel *k, struct pk_tunnel *t); /* with all that is its in the kernel */
struct pk_sa *pk_sa_find(
    struct plane_kernel *k, const struct addr *dst, uint32_t spi, struct pk_tunnel **ret_t);
/* Asks the kernel for its counters. What it learns from them is reported by the next dispatch. */
void pk_look(struct plane_kernel *k, struct pk_sa *sa);
const struct addr *pk_dst(const struct pk_sa *sa); /* the outer destination: with the SPI, the state's key */
void pk_wake(struct plane_kernel *k);

#endif
