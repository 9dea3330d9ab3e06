/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel of a site: one IKE connection, its child SA, its interface, at most one BGP peer. Its number is at
 * once the IKE connection's, the BGP peer's and the plane's, so a fact from any of them finds it. Control
 * thread only.
 *
 * Life: tunnel_new prepares what can fail (interface, addresses, negotiable configuration); tunnel_activate
 * enters it into the cores; tunnel_up and tunnel_down may follow one another; tunnel_retire takes everything
 * out in the right order (BGP cease, routes, SAs, interface) and frees it. A retiring tunnel may have a
 * successor that takes over its interface.
 */
#ifndef CW_DAEMON_TUNNEL_H
#define CW_DAEMON_TUNNEL_H

#include "base/htab.h"
#include "base/list.h"
#include "connector/daemon/cfg_ref.h"
#include "connector/daemon/ladder.h"
#include "connector/daemon/mtu_probe.h"
#include "connector/daemon/path_watch.h"
#include "connector/daemon/plane.h"
#include "connector/daemon/rekey_record.h"
#include "connector/daemon/remotes.h"

struct domain;

enum tunnel_life {
	TUNNEL_PREPARED, /* not in the cores yet (waiting for its predecessor, or for the commit) */
	TUNNEL_ACTIVE,
	TUNNEL_STOPPING, /* routes are going, then the SAs */
};

struct sa_removal { /* an SA to be removed once the routes over it are out of the kernel */
	bool inbound;
	uint32_t spi;
};
#define SA_REMOVALS_MAX 32

struct tunnel_sealed { /* how packets leave: by the newest outbound SA; remote none: not yet */
	struct addr remote;
	bool udp;
	enum encr_id encr;
	unsigned key_bits;
	enum integ_id integ;
};

struct tunnel {
	struct list node;   /* domain.tunnels */
	struct hnode by_id; /* domain.tunnels_by_id */
	struct domain *domain;
	uint32_t id;
	char name[CFG_NAME_MAX * 2 + 2]; /* "azure-hq/t1" */
	struct cfg_ref *ref;             /* keeps cfg and site alive */
	const struct cfg_site *site;
	const struct cfg_tunnel *cfg;
	uint32_t site_id;

	enum tunnel_life life;
	bool admin_up;
	bool retiring;            /* freed when stopped */
	struct tunnel *successor; /* takes over the interface when this one is gone */

	char interface[IFNAMSIZ];
	int ifindex;           /* 0: it has no interface (yet) */
	uint32_t plane_id;     /* stays with the interface when a successor takes it over */
	uint32_t mtu;          /* that the interface has; 0 without one */
	uint32_t mtu_possible; /* by the way to the peer; 0: unknown */
	uint32_t mtu_computed; /* what the interface would have without a probe; 0: unknown */
	struct mtu_probe probe;
	uint32_t mtu_outer;   /* of that way; 0: unknown */
	mtime mtu_looked_out; /* the last packet out when it was last looked at */
	struct tunnel_sealed sealed;
	bool ours_reported;
	bool ike_entered; /* the core knows it; not before it has an address */
	struct remotes remotes;
	struct addr pinned[IKE_REMOTES_MAX];
	unsigned n_pinned;
	struct addr pinned_move; /* the peer's address where it is none of these (tunnel_move.h); none */
	bool if_suspect;         /* somebody may have changed our interface: tunnel_if_look */

	struct ladder_facts facts;
	enum step step;
	mtime step_since;
	struct addr
	    source; /* of ours towards the peer, as the core was told (tunnel_move.h); none: not yet */
	struct tunnel_odd_source {
		struct addr
		    addr; /* another one that the kernel would take, though it is none of that interface */
		mtime since;
	} odd_source;
	uint32_t moves;              /* changes of the outer addresses while SAs lived (tunnel_move.h): */
	mtime moved_at;              /* the last one */
	struct reason error;         /* the last failure that still stands */
	struct reason rekey_refused; /* by the peer, and since then no rekey has passed */
	uint32_t spi_in;             /* of the live child; 0 */
	uint32_t spi_out;
	uint32_t early_in; /* an inbound SA by which a packet came before its child was up; 0 */
	struct rekey_ring rekeys;
	bool bgp_started;        /* the core has been told to run the session */
	bool routes_in;          /* peer host route and static routes are wanted */
	bool armed;              /* its trigger routes are wanted; demand.c's, as are these: */
	bool demanded;           /* on demand: somebody wants it now */
	struct path_watch watch; /* liveness.c's, as are these: */
	uint64_t echoes_in, echoes_out;
	uint16_t echo_seq;
	uint64_t user_packets;
	mtime user_at;       /* when user_packets last changed, or the child came up */
	bool ike_down_asked; /* while stopping */
	mtime cease_until;   /* while stopping: the SAs stay, so that the peer's TCP can confirm the Cease */
	mtime old_until;     /* restart.c's: the SAs of the run before */
	mtime stop_deadline; /* while stopping: the peer had its chance to confirm */
	uint8_t *static_place; /* by index of cfg->static_route; statics.c's */
	mtime last_route;      /* last change of a learned route, for LADDER_QUIET */

	uint64_t up_fence; /* while the peer's host route is on its way to the kernel; BGP starts behind it;
	                      else 0 */
	uint64_t removal_fence; /* while the kernel still holds routes over our SAs; else 0 */
#define REMOVAL_SWEEPING                                                                                     \
	(UINT64_MAX - 1) /* and BGP has not yet told of all that go: the fence comes behind */
	struct sa_removal removal[SA_REMOVALS_MAX];
	unsigned n_removals;
	/* certificate.c: when to look again, at which certificate, and the days that were warned of */
	mtime certificate_next;
	int64_t certificate_not_after, certificate_said;
};

/* reuse: a tunnel about to retire whose interface the new one may take over, or NULL. NULL with a reason;
 * nothing is left behind then. */
struct tunnel *tunnel_new(struct domain *d, struct cfg_ref *ref, const struct cfg_site *site,
    const struct cfg_tunnel *cfg, struct tunnel *reuse, struct reason *ret_reason);
/* Only for a prepared one that never became active. */
void tunnel_discard(struct tunnel *t);
void tunnel_activate(struct tunnel *t);
/* What is protected is in the kernel: IKE may start. */
void tunnel_gate_open(struct tunnel *t);
void tunnel_up(struct tunnel *t);
void tunnel_down(struct tunnel *t);
/* Its SAs go; on demand the next packet brings it up again. */
void tunnel_rest(struct tunnel *t);
/* A new configuration puts it into service: what that means its start mode says. After tunnel_reconfigure. */
void tunnel_in_service(struct tunnel *t);
void tunnel_retire(struct tunnel *t, struct tunnel *successor);
/*
 * A new configuration that touches no SA (CFG_SAME or CFG_LIGHT), in two steps: all tunnels leave what they
 * won't have any more, then each enters what is new to it.
 */
void tunnel_leave(struct tunnel *t, const struct cfg_tunnel *cfg);
void tunnel_reconfigure(
    struct tunnel *t, struct cfg_ref *ref, const struct cfg_site *site, const struct cfg_tunnel *cfg);

/* Facts. */
void tunnel_child_up(struct tunnel *t, uint32_t spi_in);
void tunnel_child_down(struct tunnel *t);
void tunnel_sa_removal(struct tunnel *t, bool inbound, uint32_t spi);
void tunnel_packet_in(struct tunnel *t);
/* Asks for its names' addresses when that is due; and what came of it. */
void tunnel_resolve(struct tunnel *t, mtime now);
void tunnel_resolved(struct tunnel *t, const struct resolver_answer *a);
void tunnel_remote_worked(struct tunnel *t, const struct addr *remote);
/* It doesn't pass packets any more, though its SAs stand: what needs `passing` ends. And it does again. */
void tunnel_path_lost(struct tunnel *t, const struct reason *why);
void tunnel_path_back(struct tunnel *t);
/* By command, whatever else holds: its session ends with a Cease and these words (NULL: none) and stays
 * down, or may run again. -1 with a reason when the words can't be sent; nothing has happened then. The
 * tunnel and its and its static routes stay. */
int tunnel_bgp_down(struct tunnel *t, const char *words, const struct reason *why, struct reason *ret_reason);
void tunnel_bgp_up(struct tunnel *t);
void tunnel_bgp_state(struct tunnel *t, enum bgp_state state, const struct reason *why);
/* Its routes are as the kernel was asked: run what waited. */
void tunnel_fenced(struct tunnel *t, uint64_t fence);
void tunnel_look_swept(struct tunnel *t); /* are BGP's routes all told to go by now? Each pump asks */
/* Recomputes the step; logs and reacts when it changed. */
void tunnel_step_update(struct tunnel *t, mtime now);
/* IKE has nothing alive any more: go on with stopping. */
void tunnel_check_stopped(struct tunnel *t);
mtime tunnel_deadline(const struct tunnel *t);
/* What the tunnel waits for, for status; unset when it has arrived. */
void tunnel_next(const struct tunnel *t, struct reason *ret_next);

#endif
