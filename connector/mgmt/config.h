/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as typed values: what the YANG module `causeway` says, after libyang has validated it,
 * profiles have been merged in (the tunnel's own leaves win) and the checks that YANG can't express have
 * passed. Immutable once made.
 *
 * cfg_load_* is all or nothing: a struct cfg comes back, or a reason that names file, path (as a JSON/YANG
 * path such as /causeway:connector/site[name='azure-hq']/tunnel[name='t1']/remote-address), the offending
 * value and what to do.
 */
#ifndef CW_MGMT_CONFIG_H
#define CW_MGMT_CONFIG_H

#include "base/addr.h"
#include "base/mtime.h"
#include "base/credentials.h"
#include "base/reason.h"
#include "base/secret.h"
#include "bgp/policy.h"
#include "ike/proposal.h"

#include <stdbool.h>
#include <stddef.h>

#define CFG_NAME_MAX    64
#define CFG_REMOTES_MAX 8
#define CFG_HOST_MAX    253
#define CFG_TUNNELS_MAX 4 /* a site */

struct profiles; /* profiles/profile.h */

enum cfg_start { CFG_START_ALWAYS, CFG_START_ON_DEMAND, CFG_START_MANUAL };
enum cfg_role { CFG_ROLE_BOTH, CFG_ROLE_INITIATE, CFG_ROLE_RESPOND };
enum cfg_plane { CFG_PLANE_AUTO, CFG_PLANE_USER, CFG_PLANE_KERNEL };
enum cfg_fragmentation {
	CFG_FRAGMENTATION_YES,
	CFG_FRAGMENTATION_ACCEPT,
	CFG_FRAGMENTATION_FORCE,
	CFG_FRAGMENTATION_NO
};
enum cfg_df { CFG_DF_COPY, CFG_DF_SET, CFG_DF_CLEAR };
enum cfg_auth { CFG_AUTH_PSK, CFG_AUTH_CERT, CFG_AUTH_EAP_MSCHAPV2, CFG_AUTH_EAP_TLS };
enum cfg_bgp_mode { CFG_BGP_BOTH, CFG_BGP_ACTIVE, CFG_BGP_PASSIVE };

struct cfg_static_route {
	struct prefix prefix;
	uint32_t metric;
	bool trigger;
};

struct cfg_bgp_policy { /* cfg_policy.c; the chains hold references */
	struct bgp_policy_chain import, export;
	unsigned allow_own_as;
	bool remove_private_as, as_override;
};

struct cfg_bfd { /* of a BGP session */
	bool enabled, multihop;
	bool strict; /* no BGP session before it is up */
	mdur min_tx, min_rx;
	uint8_t multiplier;
};

struct cfg_damping { /* RFC 2439; penalties are points */
	bool enabled;
	mdur half_life, max_suppress;
	uint32_t reuse, suppress;
};

enum cfg_restart { CFG_RESTART_HELPER, CFG_RESTART_FULL, CFG_RESTART_OFF };
struct cfg_session {            /* how a session is run; cfg_session.c */
	struct secret password; /* RFC 2385; empty: none */
	uint32_t ttl_security;  /* hops (RFC 5082); 0: not used */
	uint32_t multihop;      /* the hop limit of what we send; 0: the system's */
	bool extended_messages;
	mdur send_hold; /* 0: by RFC 9687 */
	unsigned role;  /* RFC 9234 4.1, and one; 0: none */
	bool role_strict;
	enum cfg_restart restart;
	mdur restart_time, stale_time;
	struct cfg_damping damping;
};

struct cfg_bgp { /* of a tunnel, or of a LAN peer */
	struct addr local, peer;
	struct addr nexthop_v4, nexthop_v6; /* what we announce each family with; none: not said */
	uint32_t peer_as;
	enum cfg_bgp_mode mode;
	mdur hold_time, keepalive, connect_retry;
	uint32_t max_prefixes;     /* what we accept; 0: no limit */
	uint32_t max_prefixes_out; /* what the peer bears: the newest beyond it wait; 0: no limit known */
	struct cfg_limits {        /* of max_prefixes */
		enum { CFG_LIMIT_RESET, CFG_LIMIT_DISCARD, CFG_LIMIT_WARN } action;
		uint32_t warn_percent;
		mdur restart;
	} limits;
	bool accept_default;
	struct cfg_session session;
	struct cfg_bgp_policy policy;
	struct cfg_bfd bfd;
	struct {
		unsigned multipath_weight;
		bool add_path_receive, reflector_client;
	} rib;
};

struct cfg_eap { /* who signs on: we (user), or the peer (peer_user). Empty: not said */
	char user[256], identity[256], server_name[256], peer_user[256];
	struct secret secret, peer_secret; /* passwords */
};
struct cfg_ppk { /* RFC 8784; id empty: none */
	char id[129];
	struct secret secret;
	bool required;
};

struct cfg_tunnel {
	char name[CFG_NAME_MAX + 1];
	bool admin_up;
	enum cfg_start start;
	enum cfg_role role;
	enum cfg_plane data_plane;
	char interface[16];                  /* empty: the daemon picks cw0, cw1, ... */
	struct addr local;                   /* none: the route decides */
	struct addr remote[CFG_REMOTES_MAX]; /* none where there is a name instead: */
	char *remote_name[CFG_REMOTES_MAX];  /* owned; NULL: it is an address */
	bool promote_alternate;              /* an address that worked is tried first from then on */
	unsigned n_remote;
	char local_id[256], remote_id[256]; /* empty: addresses / any */
	char *secret_file; /* owned, NULL: none; as it is opened: a relative name counts from the
	                      configuration file's directory */
	struct secret psk; /* read from the file: one trailing newline is not part of it */
	enum cfg_auth local_auth, remote_auth;
	struct cfg_eap eap;
	struct cfg_ppk ppk;
	struct credentials *credentials; /* of `certificate`; NULL: none, or not read (with_secrets false) */
	struct prefix inside[8];
	unsigned n_inside;
	struct ike_proposals ike_proposals, esp_proposals;
	bool own_proposals;              /* else both are the profile's */
	mdur ike_lifetime, esp_lifetime; /* 0: none */
	bool allow_weak;                 /* what the profile admits of weak algorithms may be used */
	const char *weak[IKE_WEAK_MAX];  /* those in the proposals, by name; static strings */
	unsigned n_weak;
	uint64_t esp_lifekbytes;  /* 0: none */
	uint64_t esp_lifepackets; /* 0: none */
	mdur rehearsal;           /* after the tunnel is up; 0: none */
	mdur liveness_interval, liveness_timeout;
	struct addr probe; /* answers echoes through the tunnel; none: the BGP peer is asked */
	mdur idle_timeout; /* without packets either way it goes down; 0: never */
	mdur retry;        /* the longest pause between attempts to connect */
	uint32_t tries;    /* rounds through all addresses; 0: for ever */
	bool force_encap;
	bool force_encap_given;               /* by the tunnel itself, not by its profile */
	bool mobike;                          /* RFC 4555 */
	enum cfg_fragmentation fragmentation; /* of IKE messages, RFC 7383 */
	uint32_t fragment_size;               /* octets of an IP packet; 0: the default */
	enum cfg_df df;                       /* of the outer IPv4 header */
	bool dscp_zero, ignore_ecn;
	bool mtu_probe;
	uint32_t mtu, mss; /* of the tunnel interface; from the profile */
	struct cfg_static_route *static_route;
	size_t n_static_route;
	bool have_bgp;
	struct cfg_bgp bgp;
};

enum cfg_source { CFG_SOURCE_CONNECTED, CFG_SOURCE_STATIC, CFG_SOURCE_KERNEL };

struct cfg_network { /* announced while something stands behind it */
	struct prefix prefix;
	bool when_route;    /* the prefix or a part of it is in the kernel by other hands; else always */
	char interface[16]; /* and leads there; empty: anywhere */
	struct bgp_policy_chain policy;
};
struct cfg_redistribute {
	enum cfg_source source;
	char interface[16];               /* empty: any */
	struct bgp_prefix_list *prefixes; /* a reference; NULL: all */
	struct bgp_policy_chain policy;
};
struct cfg_aggregate {
	struct prefix prefix;
	bool summary_only, as_set;
	struct bgp_policy_chain policy;
};

struct cfg_site {
	char name[CFG_NAME_MAX + 1];
	char profile[CFG_NAME_MAX + 1];
	char cloud[CFG_NAME_MAX + 1]; /* of the profile: "azure", "generic" */
	char proposal_hint[700]; /* of the profile: the cloud's command that sets a policy we offer; may be
	                            empty */
	char (*announce_from)[CFG_NAME_MAX + 1]; /* names of LAN peers */
	size_t n_announce_from;
	struct cfg_tunnel *tunnel;
	size_t n_tunnel;
};

struct cfg_peer { /* a LAN router */
	char name[CFG_NAME_MAX + 1];
	struct cfg_bgp bgp;
	bool transit;
};

struct cfg_policies; /* cfg_policy.h: the named lists and policies, while a configuration is built and after
                      */

#define CFG_BMP_MAX 8
struct cfg_bmp { /* a station of the BGP Monitoring Protocol */
	char name[CFG_NAME_MAX + 1];
	struct addr address;
	uint16_t port;
	mdur statistics;              /* between two reports; 0: none */
	bool pre_policy, post_policy; /* routes as received, as used */
};

#define CFG_MRT_FILE_MAX 512
struct cfg_mrt { /* BGP's messages and states, recorded to files (RFC 6396); file "": not at all */
	char file[CFG_MRT_FILE_MAX]; /* a pattern: connector/sys/recorder.h */
	bool updates_only;
	mdur rotate; /* 0: never, as is this one */
	uint64_t rotate_bytes;
	unsigned keep; /* files beside the one that is being written; 0: all */
};

struct cfg {
	bool have_bgp; /* `as` is configured */
	uint32_t as;
	uint32_t router_id; /* host order */
	unsigned multipath; /* ways; default 16 */
	bool multipath_relax;
	uint32_t cluster_id;     /* host order; 0: the router id */
	bool nexthop_compat_off; /* net.ipv4.nexthop_compat_mode is to be 0; else as the system has it */
	struct prefix *announce;
	size_t n_announce;
	struct cfg_policies *policies;
	struct cfg_network *network;
	size_t n_network;
	struct cfg_redistribute *redistribute;
	size_t n_redistribute;
	struct cfg_aggregate *aggregate; /* with `discard`, also in discard */
	size_t n_aggregate;
	struct prefix *protect;
	size_t n_protect;
	struct prefix *discard; /* unreachable where nobody has a route; held back from nobody */
	size_t n_discard;
	struct cfg_site *site;
	size_t n_site;
	struct cfg_peer *peer;
	size_t n_peer;
	struct cfg_bmp bmp[CFG_BMP_MAX];
	unsigned n_bmp;
	struct cfg_mrt mrt;
	struct reason *note; /* allowed, but odd: for the log and `config check` */
	size_t n_note;
	char *json; /* the instance data as loaded (secrets are only named in it), NUL-terminated,
	               pretty-printed */
};

/* The schema and the profiles, loaded once; used by the control thread only. */
struct cfg_context;
/* yang_dir/profile_dir NULL: the installed ones or, when run from a build tree, the source's. */
struct cfg_context *cfg_context_new(const char *yang_dir, const char *profile_dir, struct reason *ret_reason);
void cfg_context_free(struct cfg_context *c);

/* The clock and the network that certificates are judged by; by default the system's clock, and no network.
 */
void cfg_context_set_world(struct cfg_context *c, const struct credentials_world *world);
const struct profiles *cfg_context_profiles(const struct cfg_context *c);

/*
 * Ids of reasons: config-not-readable, config-syntax, config-unknown-leaf, config-wrong-type,
 * config-wrong-value, config-missing-leaf, config-duplicate, config-count, config-dangling-reference,
 * config-invalid, config-unknown-profile, config-not-supported, config-as-reserved, config-weak-algorithm,
 * config-as-path-pattern, config-duplicate-interface, config-duplicate-tunnel, config-duplicate-peer,
 * config-too-many-prefixes, secret-file-missing, secret-file-permissions, secret-file-empty,
 * secret-file-too-long, secret-file-not-readable, and certificate-*: -file-missing, -file-not-readable,
 * -key-permissions, -wrong-name, and what base/credentials.h says.
 */
/* with_secrets false: secret files are not read (config check by somebody who may not). */
struct cfg *cfg_load_file(
    struct cfg_context *c, const char *path, bool with_secrets, struct reason *ret_reason);
struct cfg *cfg_load_text(struct cfg_context *c, const char *text, const char *source_name, bool with_secrets,
    struct reason *ret_reason);
void cfg_free(struct cfg *cfg);

/*
 * What a change means to one tunnel. CFG_LIGHT includes admin, start, lifetimes, liveness, and anything of
 * `bgp` (whose session may have to start anew though the tunnel stays). Both as found in an old and a new
 * configuration (same site and name).
 */
enum cfg_change {
	CFG_SAME,
	CFG_LIGHT /* BGP policy, static routes, timers: no SA is touched */,
	CFG_RESTART /* the tunnel must start anew */
};
/* The i-th remote of the one and the j-th of the other: the same address, or the same name. */
bool cfg_same_remote(const struct cfg_tunnel *a, unsigned i, const struct cfg_tunnel *b, unsigned j);
/* The same two ends of a BGP session, or none. */
bool cfg_same_session(const struct cfg_tunnel *a, const struct cfg_tunnel *b);
/* The address of a family that answers for us inside of the tunnel, the first of several; none: it has none.
 */
struct addr cfg_inside_of(const struct cfg_tunnel *t, uint8_t family);
enum cfg_change cfg_tunnel_compare(const struct cfg_tunnel *a, const struct cfg_tunnel *b);
const struct cfg_site *cfg_find_site(const struct cfg *cfg, const char *name);
const struct cfg_tunnel *cfg_find_tunnel(const struct cfg_site *site, const char *name);
const struct cfg_peer *cfg_find_peer(const struct cfg *cfg, const char *name);

#endif
