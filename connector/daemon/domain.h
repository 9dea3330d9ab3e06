/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A routing domain at run time: its cores (IKE, BGP), its adapters (plane, FIB writer, TCP) and its tunnels
 * and LAN peers. The daemon has one, the default; nothing in here is global, so tenants will be more of them.
 *
 * The pump is the heart: every event handler feeds a fact to a core and ends with domain_pump, which executes
 * the actions of all cores in order until there are none left, brings the ladders up to date and sets the
 * next deadline. Control thread only.
 */
#ifndef CW_DAEMON_DOMAIN_H
#define CW_DAEMON_DOMAIN_H

#include "base/htab.h"
#include "base/list.h"
#include "base/log.h"
#include "base/ptrie.h"
#include "bgp/bgp.h"
#include "connector/daemon/cfg_ref.h"
#include "connector/daemon/fib_writer.h"
#include "connector/daemon/nexthop_compat.h"
#include "connector/daemon/plane.h"
#include "connector/sys/domain.h"
#include "connector/sys/echo.h"
#include "connector/sys/jobs.h"
#include "connector/sys/loop.h"
#include "ike/ike.h"

struct bfd_thread;
struct bgp_tap;
struct bmp;
struct mrt_exec;
struct monitor;
struct tunnel;
struct announce;
struct mss_clamp;
struct rtnl;
struct restart_record;

struct lan_peer {         /* a BGP peer without a tunnel */
	struct list node; /* domain.lan_peers */
	uint32_t id;
	char name[CFG_NAME_MAX + 1];
	enum bgp_state state;
	struct addr address;
	struct fib_way lost; /* ifindex 0: none; told to be lost since its session ended */
};

struct bgp_listener {
	struct list node; /* domain.listeners */
	struct domain *domain;
	struct addr local;
	struct tcp_listener *tcp;
	bool wanted;        /* mark of the transaction under way */
	struct addr *keyed; /* peers whose password it holds; bgp_transport.c's */
	size_t n_keyed;
};

struct domain {
	struct sys_domain sys;
	const struct logger *log;
	struct loop *loop;

	struct ike *ike;
	struct bgp *bgp;         /* NULL without `as` */
	struct list bgp_leaving; /* those before it; bgp_leaving.c's */
	struct plane *plane;
	enum plane_kind plane_kind; /* of all its tunnels; decided with each configuration */
	struct reason plane_note;   /* why that one */
	struct fib_writer *fib;
	struct jobs *jobs;
	struct rtnl *rtnl; /* for questions; changes are the FIB writer's */
	struct mss_clamp *clamp;
	struct nexthop_compat nexthop_compat;
	struct announce *announce;  /* networks by what stands behind them; announce.c's */
	struct echo_socket echo[2]; /* IPv4, IPv6: open where there is a watch; echoes.c's */
	struct loop_watch *echo_watch[2];
	uint16_t echo_id;
	bool echo_refused; /* and said so */
	struct resolver *resolver;
	struct loop_watch *resolver_watch;

	struct cfg_ref *config;     /* in force; NULL before the first */
	const struct cfg *entering; /* while a transaction commits; NULL else */
	struct list tunnels;        /* struct tunnel */
	struct htab tunnels_by_id;
	struct list lan_peers;
	struct bgp_tap *tap;          /* who listens to BGP */
	struct monitor *monitor;      /* `bgp monitor` */
	struct bmp *bmp;              /* BMP stations */
	struct mrt_exec *mrt;         /* the recording */
	struct list bgp_down;         /* sessions that a command took down; bgp_command.c's, as are these: */
	struct ptrie *announced_more; /* announced by command */
	struct ptrie *announced_less; /* configured, and withdrawn by command */
	struct bfd_thread *bfd;       /* NULL until a session wants it; bfd_exec.c's, as are these: */
	struct list bfd_peers;
	struct loop_watch *bfd_watch;
	mtime bfd_lan_at;
	struct list listeners;
	struct list links;     /* struct bgp_link: TCP connections of the BGP core */
	struct ptrie *waiting; /* nexthop.c: prefix -> paths whose next hop is not reachable yet */
	struct prefix waiting_at;
	bool waiting_moved;                      /* by the pass that is at waiting_at */
	mtime retry_at;                          /* when that pass goes on; MTIME_NEVER: with the next poll */
	struct nexthop_answers *nexthop_answers; /* nexthop.c's */
	struct ptrie *protect;                   /* prefixes that must never leave in clear; protect.c's */
	struct ptrie *discard;                   /* of aggregates; protect.c's */
	uint64_t gate;           /* fence of new protections: until it is passed IKE does not start; else 0 */
	struct ptrie *connected; /* networks of foreign interfaces; values are not used */
	mtime unreachable_told;  /* when an unreachable next hop was last logged; 0: never */
	unsigned unreachable;    /* since then */
	uint32_t next_id, next_site_id;

	struct loop_timer *timer; /* what has a deadline */
	struct loop_task *work;   /* what has only a budget */
	struct loop_watch *plane_watch, *fib_watch, *jobs_watch;
	mtime next_poll; /* of the plane's counters */
	mtime trim;      /* when to give back the memory that a burst of handshakes took */
	mtime started;
	bool pumping, reconciled;
	struct restart_record *restart; /* what of the run before is still being taken over; restart.c's */
	bool restarting;                /* the first configuration has taken it over */
	bool leaving; /* for a successor, or the next try: nothing is taken out of the kernel */
	bool stopping;
	void (*stopped)(void *ctx); /* once, when everything has been taken out */
	void *stopped_ctx;
	mtime stop_deadline;
};

/* NULL with a reason; it comes up empty. before: the record of the run before, which is taken; may be NULL.
 */
struct domain *domain_new(const struct sys_domain *sys, struct loop *loop, const struct logger *log,
    struct restart_record *before, struct reason *ret_reason);
/* After domain_stop has finished (or to give up at once): whatever is left goes without a word to anybody. */
void domain_free(struct domain *d);
/* Retires every tunnel and peer, then calls stopped; at the latest after 3 s. */
void domain_stop(struct domain *d, void (*stopped)(void *ctx), void *ctx);

void domain_pump(struct domain *d);
/* A tunnel has come up, and perhaps hundreds with it: the heap is trimmed when it is quiet. */
void domain_trim_later(struct domain *d, mtime now);
struct tunnel *domain_tunnel_by_id(const struct domain *d, uint32_t id);
struct tunnel *domain_tunnel_by_plane(const struct domain *d, uint32_t plane_id);
/* The one that lives by the present configuration: not a retiring predecessor of the same name. */
struct tunnel *domain_tunnel_by_name(const struct domain *d, const char *name);
struct lan_peer *domain_lan_peer_by_name(const struct domain *d, const char *name);
/* "azure-hq/t1" or the LAN peer's name; "?" when there is none. */
const char *domain_peer_name(const struct domain *d, uint32_t id);

/* An IKE datagram of ours did not get to `remote` (spi_i: of its header; 0: not known), for this -errno. */
void domain_ike_undelivered(struct domain *d, const struct endpoint *remote, uint64_t spi_i, int error);

#endif
