/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operational state as typed views, which the daemon fills and the API turns into the contract's JSON (design
 * section 6). Strings in views are copies or static; a view owns nothing unless it says so.
 */
#ifndef CW_MGMT_VIEW_H
#define CW_MGMT_VIEW_H

#include "base/addr.h"
#include "base/reason.h"
#include "connector/mgmt/view_history.h"
#include "ike/diagnose.h"
#include "ike/proposal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define VIEW_NAME_MAX 136 /* SITE/TUNNEL */

struct view_weak { /* weak algorithms that a tunnel may use by its configuration; static strings */
	const char *name[IKE_WEAK_MAX];
	unsigned n;
};

struct view_tunnel_status { /* `status`: one tunnel */
	char name[72];
	bool admin_up;
	struct view_weak weak;
	bool resting;        /* on demand, and nobody wants it now: all is well */
	const char *step;    /* "down", "connecting", ..., "in-fib" */
	time_t since;        /* wall clock, of the step */
	struct reason error; /* unset: null */
	struct reason next;  /* what is awaited or comes next; unset: null ("next": {"id","text"}) */
};
struct view_site_status {
	char name[72], profile[72];
	const char *state;                 /* "ok", "degraded", "down" */
	struct view_tunnel_status *tunnel; /* array, owned by whoever made the view */
	size_t n_tunnel;
};
struct view_status {
	uint64_t uptime; /* seconds */
	bool fib_in_sync;
	uint32_t fib_routes;
	struct view_site_status *site;
	size_t n_site;
	const char *version;
};

struct view_child {
	uint32_t spi_in, spi_out;
	char proposal[96];
	uint64_t age, bytes_in, bytes_out, packets_in, packets_out;
};
#define VIEW_REKEYS_MAX 16
struct view_rekey {
	time_t when;
	bool ike, done, by_us,
	    collided; /* not done: the old SA still drains, and the numbers are absent (null) */
	const char *why;
	uint64_t old_spi[2], new_spi[2];           /* child: in, out; IKE: initiator's, responder's */
	uint64_t old_in, old_out, new_in, new_out; /* packets */
	uint64_t gap_ms, drained_ms;               /* gap 0: unknown, null */
};
struct view_tunnel { /* `tunnel list|show` */
	char site[72], name[72];
	const char *step;
	bool admin_up;
	time_t since;
	struct reason error, next;
	struct endpoint local, remote; /* family 0: unknown yet; "local" and "remote" are addresses without
	                                  port in the JSON; add "local-port", "remote-port" */
	char interface[16];
	const char *data_plane;        /* "user", "kernel" */
	struct reason data_plane_note; /* why that one */
	struct view_weak weak;
	uint32_t refused;           /* attempts of others in the peer's place, since it was last up */
	struct reason refused_last; /* why the last one was; unset: null */
	const char *nat;            /* "none", "local", "remote", "both" */
	bool encapsulated;
	const char *mobike; /* "off", "not-agreed", "agreed"; NULL: not known yet, null */
	const char *ppk;    /* "off", "not-used", "used"; NULL: not known yet, null */
	uint32_t moves;     /* changes of the outer addresses or ports, of whatever SAs */
	time_t moved;       /* the last of them; 0: none, null */
	uint32_t mtu, mss;
	uint32_t mtu_outer;    /* of the way to the peer; 0: unknown yet, null */
	uint32_t mtu_possible; /* 0: unknown yet, null in the JSON */
	const char *mtu_probe; /* "off", "checking", "searching", "known", "no-answer" */
	uint32_t mtu_probed;   /* what passes; 0: not known, null */
	uint32_t mtu_tried;    /* nothing larger was sent; 0: nothing was, null */
	bool mss_clamped;
	struct reason mss_error; /* why not, though wanted */
	bool have_ike;
	uint64_t spi_i, spi_r;
	char ike_proposal[96];
	uint64_t ike_age;
	uint32_t ike_rekeys;
	bool initiator;
	char local_id[128], remote_id[128];
	struct view_certificate { /* ours; subject empty: none */
		char subject[256], issuer[256], serial[64], sha256[65], key[24];
		time_t not_after;
	} certificate;
	struct view_child child[4];
	unsigned n_child;
	uint32_t child_rekeys;
	struct view_rekey rekey[VIEW_REKEYS_MAX]; /* newest first */
	unsigned n_rekey;
	struct prefix inside[8];
	unsigned n_inside;
	char ts_local[256], ts_remote[256]; /* "0.0.0.0/0, ::/0" */
	bool ts_narrowed;                   /* the peer gives less than any to any */
	struct view_drop {
		const char *name;
		uint64_t count;
	} drop[16];
	unsigned n_drop;
};

struct view_explain { /* `explain`: one tunnel */
	char site[72], name[72];
	char cloud[72]; /* of the site's profile: whose names the settings of the far side have */
	bool admin_up, fine;
	const char *step;
	time_t since;
	struct reason error, next; /* unset: null */
	int64_t next_attempt;      /* seconds until then; negative: none is planned */
	unsigned attempts;         /* since it was last up */
	bool has_bgp;              /* else its steps are not on the ladder */
	struct ike_diagnosis diagnosis;
};

struct view_bfd {     /* of `bgp peer`; times in milliseconds */
	bool enabled; /* else "bfd": null */
	bool multihop;
	uint32_t min_tx, min_rx, multiplier; /* as configured */
	const char *state, *remote_state, *diagnostic, *remote_diagnostic;
	uint64_t age;                    /* seconds in this state */
	uint32_t tx_interval, detection; /* as agreed; detection 0: nothing heard yet */
	uint32_t remote_min_tx, remote_min_rx, remote_multiplier;
	uint32_t local_discr, remote_discr;
	uint64_t packets_in, packets_out, discarded;
	const char *last_discard; /* why; NULL: null */
	uint32_t ups, downs;
	struct reason error; /* why it does not run */
};

struct view_bgp_session { /* of `bgp peer`: how the session is run; view_session.c */
	bool enhanced_refresh, extended_messages, notification_restart;
	bool password; /* configured */
	uint32_t ttl_security, multihop;
	uint32_t send_hold;           /* seconds */
	const char *restart;          /* configured: "helper", "full", "off" */
	const char *role, *peer_role; /* NULL: none */
	bool peer_said, peer_restarted;
	bool family[2], forwarding[2]; /* the peer's: ipv4, ipv6 */
	uint32_t restart_time;         /* the peer's, seconds */
	struct {
		bool said; /* a session has our OPEN */
		bool restarted;
		uint32_t time; /* seconds */
		bool family[2], forwarding[2];
	} ours;
	bool holding;
	uint32_t stale[2];
	uint32_t stale_left;                 /* seconds */
	uint32_t gaps;                       /* 0: none measured yet */
	uint64_t gap_min, gap_mean, gap_max; /* ms */
};

struct view_bgp_tables {              /* of `bgp peer`: what waits, and what it takes; view_tables.c */
	bool path_ids[2];             /* received with path identifiers (RFC 7911): ipv4, ipv6 */
	uint32_t paths, refused;      /* paths of those families; more for a prefix than are kept */
	uint32_t waiting;             /* prefixes to be told */
	uint64_t bytes_in, bytes_out; /* in the connection */
	uint64_t route_bytes, advertised_bytes, waiting_bytes, session_bytes;
};

struct view_bgp_damping {             /* of `bgp peer`; view_tables.c */
	bool on;                      /* else null */
	uint32_t history, suppressed; /* prefixes */
	uint64_t suppressions, unheeded;
};

struct view_bgp_peer { /* `bgp summary`, `bgp peer` */
	char name[VIEW_NAME_MAX];
	struct addr address, local;
	uint32_t as, remote_router_id; /* router id 0: unknown yet */
	const char *state;             /* "Established", ... */
	uint64_t uptime;               /* seconds in Established, else 0 */
	uint32_t received, accepted, advertised;
	uint32_t hold_time, keepalive; /* agreed, seconds */
	bool four_octet_as, route_refresh, ipv4, ipv6, add_path_receive;
	uint64_t msg_in[6], msg_out[6]; /* [0] sum, then open update notification keepalive route-refresh */
	uint32_t established_count;
	uint32_t max_prefixes, max_prefixes_out; /* limits; 0: none */
	uint32_t held_back;                      /* prefixes that wait for room within the latter */
	struct view_bfd bfd;
	bool admin_down; /* by command */
	struct view_bgp_history past;
	struct view_bgp_session session;
	struct view_bgp_damping damping;
	struct view_bgp_tables tables;
	struct reason error;
};
struct view_mrt { /* of `bgp summary`: the recording */
	bool on;  /* else null */
	char file[520];
	uint64_t records, bytes, files, waiting, dropped_full, dropped_failed;
	struct reason error;
};

struct view_bgp {
	uint32_t as, router_id;
	struct { /* of BGP's tables: how many, and bytes */
		size_t prefixes, routes, attribute_sets;
		size_t prefix_bytes, route_bytes, advertised_bytes, attribute_bytes, way_bytes;
	} memory;
	struct view_mrt mrt;
};

struct view_announced { /* a network that a command announced or withdrew */
	struct prefix prefix;
	bool withdrawn; /* though the configuration announces it */
};
struct view_told { /* what has become of an announced network: a row for each established peer */
	struct prefix prefix;
	bool announced, configured;
	size_t n_peer;
	struct view_told_peer {
		char name[VIEW_NAME_MAX];
		bool told, withheld; /* neither: it waits to be sent, or is gone */
		char reason[240];    /* of withholding */
	} peer[];
};

enum view_event_kind {
	VIEW_EVENT_STATE,
	VIEW_EVENT_ANNOUNCE, /* by a peer, as it came */
	VIEW_EVENT_WITHDRAW,
	VIEW_EVENT_EOR,
	VIEW_EVENT_BEST, /* the ways of a prefix have changed */
	VIEW_EVENT_FIB,  /* the kernel's word on a learned route */
};
struct view_event { /* `bgp monitor` */
	enum view_event_kind kind;
	int64_t when_us; /* since 1970 */
	char peer[VIEW_NAME_MAX];
	const char *state, *was;
	struct prefix prefix;
	struct addr nexthop;
	unsigned ways; /* BEST; 0: there is none any more */
	bool ipv6, in_kernel;
	char as_path[256];
	char reason[256]; /* last: only its first byte is cleared */
};

struct view_route { /* `bgp routes` */
	struct prefix prefix;
	struct addr nexthop;      /* none: null (announced by ourselves) */
	char peer[VIEW_NAME_MAX]; /* empty: ourselves, "peer": null */
	uint32_t path_id;         /* 0: the peer has one path for a prefix, "path-id": null */
	const uint32_t *as_path;
	unsigned n_as_path;
	const char *origin; /* "igp", "egp", "incomplete" */
	uint32_t local_pref, med;
	bool have_med;            /* else "med": null */
	const char *as_path_text; /* with sets: "65001 {65002,65003}" */
	uint32_t weight;
	const uint32_t *communities; /* printed "65001:100" */
	unsigned n_communities;
	const uint32_t (*large)[3]; /* printed "65001:1:2" */
	unsigned n_large;
	const uint64_t *extended; /* printed "rt:65001:100", "soo:192.0.2.1:7", or as "0x" and 16 digits */
	unsigned n_extended;
	bool best, in_fib;
	bool stale; /* of an earlier session, or not yet in a refresh that runs */
	const char *reason;
};

struct view_fib_route { /* `fib show` */
	struct prefix prefix;
	uint32_t metric;
	const char *origin; /* "bgp", "peer", "static", "pin", "protect" */
	struct view_way {
		char interface[16];
		struct addr via; /* none: null */
		uint32_t weight;
	} way[16];
	unsigned n_ways; /* 0: packets are refused */
	bool in_kernel;
	struct reason why; /* why not; unset: null */
};

#endif
