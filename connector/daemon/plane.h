/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane: where ESP runs. One interface, two planes behind it (plane_impl.h): `user`, a worker thread
 * with TUN and UDP (plane_user*.c), and `kernel`, XFRM (plane_kernel*.c). The daemon speaks only through this
 * header; it never touches an ESP packet. The sockets of IKE serve both.
 *
 * A tunnel says its plane when it is added. Both planes may hold tunnels at once, while those of one are on
 * their way out; ESP in UDP is opened by the plane that was given a tunnel last, because the kernel either
 * takes all of it off a port or none (docs/decisions/0005).
 *
 * Threads: every function here is called by the control thread, and returns when the change is in force, so
 * the order of calls is the order of effects. Events are delivered on the control thread, by plane_dispatch,
 * which the event loop calls when plane_event_fd is readable.
 *
 * A tunnel id is the daemon's own number; it is never reused within a run of the process.
 */
#ifndef CW_DAEMON_PLANE_H
#define CW_DAEMON_PLANE_H

#include "base/addr.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "connector/sys/domain.h"

#include <net/if.h>

struct plane;

enum plane_kind { PLANE_USER, PLANE_KERNEL };
#define PLANE_KINDS 2
const char *plane_kind_name(enum plane_kind kind); /* "user", "kernel" */

struct plane_tunnel {
	uint32_t id;
	enum plane_kind kind;
	char interface[IFNAMSIZ]; /* "cw0" */
	uint32_t mtu;             /* of the inner packets */
	bool take_over;           /* the kept interface of this name, as it is (its MTU too), with its SAs */
};

/* The DF bit of outer IPv4 packets. Never set on what is known to be too long for the path: that is
 * fragmented. */
enum plane_df {
	PLANE_DF_COPY, /* from the inner packet; IPv6 counts as set (RFC 4301 8.1) */
	PLANE_DF_SET,
	PLANE_DF_CLEAR
};

/* One direction of a child SA, as IKE negotiated it. */
struct plane_sa {
	uint32_t tunnel;
	bool inbound;
	uint32_t spi; /* host order; ours if inbound, the peer's if outbound */
	enum encr_id encr;
	uint16_t encr_key_bits;
	enum integ_id integ; /* INTEG_NONE with an AEAD */
	bool esn;
	uint8_t encr_key[CRYPTO_MAX_ENCR_KEY]; /* with the salt, in the order of KEYMAT */
	uint8_t integ_key[CRYPTO_MAX_INTEG_KEY];
	bool udp_encap;        /* else ESP is IP protocol 50 */
	enum plane_df df;      /* outbound */
	bool dscp_zero;        /* outbound: the inner DSCP is not told outside */
	bool ignore_ecn;       /* outbound: not told outside; inbound: not told inside */
	struct endpoint local; /* outer addresses and ports (4500 each, or as NAT made them) */
	struct endpoint remote;
	/* Inner packets must match one local and one remote range, else they are dropped and counted. */
	struct plane_ts {
		struct addr first, last; /* inclusive */
		uint8_t protocol;        /* 0 any */
		uint16_t port_first, port_last;
	} ts_local[8], ts_remote[8];
	unsigned n_ts_local, n_ts_remote;
};

/* Why packets were dropped; each reason has a counter and a name. */
enum plane_drop {
	PLANE_DROP_NO_SA,         /* outbound: the tunnel has no SA; inbound: unknown SPI */
	PLANE_DROP_REPLAY,        /* behind the window or seen before */
	PLANE_DROP_AUTH,          /* wrong ICV */
	PLANE_DROP_MALFORMED,     /* too short, wrong padding, wrong inner version */
	PLANE_DROP_SELECTOR,      /* the inner packet is outside of the traffic selectors */
	PLANE_DROP_SEQ_EXHAUSTED, /* the outbound SA has no sequence number left */
	PLANE_DROP_TOO_BIG,
	PLANE_DROP_QUEUE, /* the socket or the TUN device would not take it */
	PLANE_DROP_ECN,   /* the outer header was marked "congested", which the inner one can't say (RFC 6040)
	                   */
	PLANE_DROP_COUNT
};
const char *plane_drop_name(enum plane_drop d); /* "no-sa", "replay", ... */

struct plane_counters {
	uint64_t packets_in, bytes_in;   /* inner packets delivered */
	uint64_t packets_out, bytes_out; /* inner packets sealed */
	uint64_t drops[PLANE_DROP_COUNT];
	/* Of an inbound SA: the longest time between a packet on it and the tunnel's packet before; 0:
	 * unknown */
	mdur longest_gap;
	mtime last_in;  /* last authenticated packet, {0} if none */
	mtime last_out; /* last packet sealed, {0} if none */
};

struct plane_events {
	/* An IKE datagram came in on port 500 or 4500 (the non-ESP marker is taken off). */
	void (*ike_datagram)(void *ctx, const struct endpoint *local, const struct endpoint *remote,
	    const uint8_t *data, size_t len);
	/*
	 * An IKE datagram to `remote` did not get there: -ECONNREFUSED (port closed) or another -errno. By
	 * ICMP, so unauthenticated. spi_i: of its IKE header, 0 when too little of it came back.
	 */
	void (*ike_undelivered)(void *ctx, const struct endpoint *remote, uint64_t spi_i, int error);
	/* The first authenticated packet on an inbound SA. */
	void (*first_inbound)(void *ctx, uint32_t tunnel, uint32_t spi);
	/* An outbound SA has used three quarters of its sequence numbers: rekey now. */
	void (*seq_near_end)(void *ctx, uint32_t tunnel, uint32_t spi);
	/* An authenticated packet came from another outer address or port than the SA's (NAT mapping
	 * changed). */
	void (*remote_moved)(void *ctx, uint32_t tunnel, uint32_t spi, const struct endpoint *remote);
	/* Somebody else took one of our SAs out of the kernel. */
	void (*sa_lost)(void *ctx, uint32_t tunnel, uint32_t spi);
	/* A packet wants to leave by a tunnel that is armed (plane_trigger) and has no outbound SA. Once,
	 * until there was an SA or the tunnel is armed anew. */
	void (*trigger)(void *ctx, uint32_t tunnel);
};

/*
 * A tunnel of the kernel's plane that a predecessor left standing (plane_leave): its interface, and the SAs
 * that carried its traffic. Without their keys, so they can be used up and deleted, not changed.
 */
#define PLANE_KEPT_SAS 16
struct plane_kept {
	char interface[IFNAMSIZ];
	int ifindex;
	uint32_t if_id; /* the plane's own number in the kernel */
	uint32_t mtu;
	struct plane_kept_sa {
		bool inbound;
		uint32_t spi;
		struct addr dst; /* outer */
	} sa[PLANE_KEPT_SAS];
	unsigned n_sa;
};

struct plane_config {
	const struct sys_domain *domain; /* where the sockets and interfaces live */
	uint16_t ike_port, natt_port;    /* 500, 4500 */
	mdur keepalive;                  /* NAT keepalive on idle outbound SAs with nat_keepalive; 20 s */
	const struct logger *log;
	const struct plane_kept *kept; /* what to take over; what isn't there as it says is taken out */
	size_t n_kept;
	bool trying; /* until plane_kept_drop, plane_free leaves what is kept, taken over or not, in the
	                kernel */
};

/*
 * Opens the sockets (wildcard, IPv4 and where the kernel has it IPv6, with packet info, SO_REUSEADDR off),
 * starts the worker, and tries whether the kernel has what its plane needs. What a predecessor that was
 * killed left in the kernel is taken out. NULL with a reason ("socket-in-use" names the port and suggests
 * which program to look for).
 */
struct plane *plane_new(const struct plane_config *config, const struct plane_events *events, void *ctx,
    struct reason *ret_reason);
/* Stops the worker, closes everything, deletes its interfaces and SAs; after plane_leave it leaves those of
 * the kernel's plane. */
void plane_free(struct plane *p);

/*
 * For a successor. From now on nothing is taken out of the kernel any more; SAs of ours that nobody takes
 * over by then end by themselves after `patience`. plane_keeps tells of one tunnel what stays; false: nothing
 * that carries traffic.
 */
void plane_leave(struct plane *p, mdur patience);
bool plane_keeps(struct plane *p, uint32_t tunnel, struct plane_kept *ret_kept);
/* Is it an interface that a predecessor left, and no tunnel has taken over yet? */
bool plane_is_kept(const struct plane *p, int ifindex);
/* A predecessor's SAs under this tunnel, which took over its interface: are there any; and out with them. */
bool plane_has_old(struct plane *p, uint32_t tunnel);
void plane_old_drop(struct plane *p, uint32_t tunnel);
/* What no tunnel has taken over goes, and from now on plane_free takes out what was. */
void plane_kept_drop(struct plane *p);

/* Can a tunnel be in this plane here? False with the reason why not ("data-plane-no-kernel"). */
bool plane_possible(const struct plane *p, enum plane_kind kind, struct reason *ret_why_not);

int plane_event_fd(const struct plane *p);
void plane_dispatch(struct plane *p);

/* Creates the interface (up, with carrier, MTU set), or takes over one that is kept. The interface's index
 * comes back. Refuses a name that exists; one that is kept and not taken over goes. */
int plane_tunnel_add(
    struct plane *p, const struct plane_tunnel *t, int *ret_ifindex, struct reason *ret_reason);
void plane_tunnel_del(struct plane *p, uint32_t tunnel);
enum plane_kind plane_tunnel_kind(const struct plane *p, uint32_t tunnel);

/*
 * Installs an SA. An outbound SA becomes the one its tunnel seals with at once; older outbound ones stay
 * until they are removed. Keys are copied; the caller cleanses its own.
 */
int plane_sa_add(struct plane *p, const struct plane_sa *sa, struct reason *ret_reason);
void plane_sa_del(struct plane *p, uint32_t tunnel, bool inbound, uint32_t spi);
/* The tunnel seals with this outbound SA, though a newer one may be there (IKE_ACT_CHILD_REKEYED names it).
 */
void plane_sa_use(struct plane *p, uint32_t tunnel, uint32_t spi);
/* The outer addresses changed, the peer's or ours: every SA of the tunnel sends between these from now on,
 * and ESP is in UDP or not. */
void plane_remote_update(struct plane *p, uint32_t tunnel, const struct endpoint *local,
    const struct endpoint *remote, bool udp_encap);
/* The MTU of the way to the peer as far as known (0: not at all): longer outer packets may be fragmented,
 * whatever the SA says of DF. */
void plane_outer_mtu(struct plane *p, uint32_t tunnel, uint32_t mtu);
/* Send NAT keepalives for this tunnel's outbound SA when it is idle (we are behind a NAT). */
void plane_keepalive(struct plane *p, uint32_t tunnel, bool on);

/*
 * On demand: packets that find no outbound SA raise the event `trigger`, and the first of them (a bounded
 * number) are kept until there is one. Arming an armed tunnel anew drops what is kept and lets the next
 * packet raise the event again. Off: they are dropped, as usual. -1: it can't (no memory, or a reason in the
 * log).
 */
int plane_trigger(struct plane *p, uint32_t tunnel, bool on);

/* natt: through port 4500 with the non-ESP marker. local's address 0 lets the route decide. 0, or -errno. */
int plane_send_ike(struct plane *p, const struct endpoint *local, const struct endpoint *remote, bool natt,
    const uint8_t *data, size_t len);

/* Sums since the tunnel was added (survives rekeys). -1: no such tunnel. */
int plane_counters(struct plane *p, uint32_t tunnel, struct plane_counters *ret_counters);
/* The same for one SA. -1: no such SA. */
int plane_sa_counters(
    struct plane *p, uint32_t tunnel, bool inbound, uint32_t spi, struct plane_counters *ret_counters);
/* What the two above give, of many at once: with hundreds of tunnels, asking one by one is most of an idle
 * daemon's work. */
enum plane_of { PLANE_OF_TUNNEL, PLANE_OF_SA_IN, PLANE_OF_SA_OUT };
struct plane_reading {
	uint32_t tunnel;
	enum plane_of of;
	uint32_t spi; /* of an SA */
	bool found;   /* false: there is no such tunnel or SA, and the counters mean nothing */
	struct plane_counters counters;
};
void plane_read(struct plane *p, struct plane_reading reading[], size_t n);
/* Drops that belong to no tunnel (unknown SPI, garbage). */
void plane_stray_counters(struct plane *p, struct plane_counters *ret_counters);

#endif
