/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKEv2 (RFC 7296) as a pure core: bytes, facts and `now` go in; an ordered queue of actions and the next
 * deadline come out. It opens, sends, sleeps and logs nothing, reads no clock, and draws randomness only from
 * the rng given.
 *
 * One `struct ike` is the IKE endpoint of one routing domain. It holds *connections* (one per configured
 * tunnel: a peer, its proposals, its child SA) and the ike_sas that serve them. All calls come from one
 * thread. Nothing in an action or a view outlives the call that returned it unless it says so.
 *
 * The order of the queue carries meaning: the inbound SA is installed before the message that lets the peer
 * use it is sent; the new outbound SA before the old pair is removed; IKE_ACT_CHILD_DOWN (the daemon takes
 * the routes out) before the removal of the SAs. Each action has an id; the daemon reports with
 * ike_action_failed the ones that failed, and what depends on a failed action does not run.
 */
#ifndef CW_IKE_IKE_H
#define CW_IKE_IKE_H

#include "base/addr.h"
#include "base/credentials.h"
#include "base/crypto.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "base/rng.h"
#include "base/secret.h"
#include "ike/proposal.h"

struct ike;

#define IKE_ID_MAX      512
#define IKE_TS_MAX      8 /* traffic selectors a side, per child SA */
#define IKE_REMOTES_MAX 8 /* addresses of one peer, tried in turn */
#define IKE_LOCALS_MAX  8 /* addresses of ours that lead to one peer */

/* Identification payload (RFC 7296 3.5). */
enum ike_id_type {
	IKE_ID_NONE = 0,
	IKE_ID_IPV4 = 1,
	IKE_ID_FQDN = 2,
	IKE_ID_RFC822 = 3,
	IKE_ID_IPV6 = 5,
	IKE_ID_DER_DN = 9,
	IKE_ID_KEY_ID = 11
};
struct ike_identity {
	uint8_t type; /* enum ike_id_type; NONE in a configuration: our address / any identity of the peer */
	uint16_t len;
	uint8_t data[IKE_ID_MAX];
};
/*
 * "192.0.2.1", "2001:db8::1", "gw.example.net" (or "@gw"), "user@example.net", "C=DE, O=Example, CN=gw" (a
 * distinguished name, in the certificate's order), "keyid:text" or "@#6b6579" (hex). 0 or -1.
 */
int ike_identity_parse(const char *text, struct ike_identity *ret_id);
/* Does the certificate's holder have this identity (RFC 4945 3.1)? NONE: no. */
bool ike_identity_in_cert(const struct ike_identity *id, const struct cert *c);
/* Printable form into buf; always terminated. */
const char *ike_identity_str(const struct ike_identity *id, char *buf, size_t cap);

/* Traffic selector (RFC 7296 3.13.1). Ports in host order. */
struct ike_ts {
	struct addr first, last; /* inclusive */
	uint8_t protocol;        /* 0: any */
	uint16_t port_first, port_last;
};
struct ike_ts ike_ts_from_prefix(const struct prefix *p);
/* "0.0.0.0/0, 10.0.0.1-10.0.0.9[6/443-443]" into buf; always terminated. */
const char *ike_ts_str(const struct ike_ts ts[], unsigned n, char *buf, size_t cap);

enum ike_role { IKE_ROLE_BOTH, IKE_ROLE_INITIATE, IKE_ROLE_RESPOND };

/* How a side proves who it is (RFC 7296 2.15, 2.16). EAP: only an initiator can, so local_auth needs role
 * initiate and remote_auth role respond; the other side then proves itself by key or certificate. */
enum ike_auth_kind {
	IKE_AUTH_KIND_PSK,
	IKE_AUTH_KIND_CERT,
	IKE_AUTH_KIND_EAP_MSCHAPV2,
	IKE_AUTH_KIND_EAP_TLS
};

/* Whether messages too large for a datagram go in fragments of our making (RFC 7383). */
enum ike_fragmentation {
	IKE_FRAGMENTATION_YES,    /* announced; used with a peer that announces it, too */
	IKE_FRAGMENTATION_ACCEPT, /* announced, but ours are not cut up */
	IKE_FRAGMENTATION_FORCE,  /* as yes, and at the smallest size from the start */
	IKE_FRAGMENTATION_NO      /* not announced, not taken */
};
#define IKE_FRAGMENT_SIZE 1280 /* default: octets of an IP packet that carries a fragment */

#define IKE_EAP_NAME_MAX 255 /* octets of a user name */
#define IKE_PPK_ID_MAX   128

/* Who signs on by EAP (RFC 3748): we, as initiator with local_auth EAP, or the peer, with remote_auth EAP. */
struct ike_eap_config {
	char user[IKE_EAP_NAME_MAX + 1];     /* local_auth EAP: as whom */
	char identity[IKE_EAP_NAME_MAX + 1]; /* our EAP identity; empty: user */
	const uint8_t *secret;               /* EAP-MSCHAPv2: the password, UTF-8 */
	size_t secret_len;
	char server_name[IKE_EAP_NAME_MAX +
	                 1]; /* EAP-TLS: what the server's certificate must name; empty: any */
	char peer_user[IKE_EAP_NAME_MAX + 1]; /* remote_auth EAP: who it must be; EAP-TLS: what its
	                                         certificate must name */
	const uint8_t *peer_secret;
	size_t peer_secret_len;
};

/* A post-quantum pre-shared key (RFC 8784), mixed into the keys of an IKE SA and so of all that follow. */
struct ike_ppk_config {
	char id[IKE_PPK_ID_MAX + 1]; /* empty: none */
	const uint8_t *key;
	size_t key_len;
	bool required; /* else it is done without when the peer has none, or another */
};

/* One tunnel's peer. Copied by ike_conn_add; secrets too (cleansed when the connection goes). */
struct ike_conn_config {
	char name[128]; /* "azure-hq/t1": only ever printed in reasons */
	enum ike_role role;
	/* Family 0: whatever the route gives (actions say local address none; inputs tell). Our first message
	 * can't hash it then, so the peer will see a NAT before us and ESP goes in UDP. */
	struct addr local;
	struct addr remote[IKE_REMOTES_MAX];
	unsigned n_remote; /* 0: any peer may answer (responder only) */
	struct ike_identity local_id, remote_id;
	enum ike_auth_kind local_auth, remote_auth;
	struct credentials
	    *credentials;   /* a reference is taken; needed when one of the two is by certificate */
	const uint8_t *psk; /* needed when one of the two is by pre-shared key */
	size_t psk_len;
	struct ike_eap_config eap;
	struct ike_ppk_config ppk;
	struct ike_proposals ike_proposals; /* in order of preference */
	struct ike_proposals esp_proposals; /* a KE method in one of them means PFS at rekey */
	struct ike_ts tsi[IKE_TS_MAX],
	    tsr[IKE_TS_MAX]; /* ours, theirs; default any-any of both families is the caller's */
	unsigned n_tsi, n_tsr;
	bool narrow;      /* accept a subset of what we ask for (initiator); a responder always may narrow */
	bool force_encap; /* make the peer see a NAT, so that ESP goes in UDP 4500 (RFC 7296 2.23) */
	mdur ike_lifetime, child_lifetime; /* rekey is started a jittered margin before; 0: never by time */
	uint64_t child_life_bytes;         /* 0: no limit; counted by facts (ike_fact_usage) */
	uint64_t child_life_packets;       /* the same */
	mdur rehearsal; /* the first child SA is rekeyed this long (jittered) after it came up, so that a peer
	                   that refuses is known now and not at night; 0: not */
	mdur liveness_interval; /* an INFORMATIONAL probe after this long without a sign of life; 0: none */
	mdur liveness_timeout;  /* a request unanswered for this long: the peer is dead. 0: 30 s */
	mdur retransmit_first;  /* e.g. 500 ms; doubles each time up to 8 s, 3 s once
	                           established (default when 0) */
	unsigned retransmit_tries; /* until established; default when 0: 7 */
	mdur retry_min, retry_max; /* between attempts to connect; capped exponential back-off with jitter */
	unsigned tries;            /* rounds through all addresses before giving up; 0 for ever */
	bool mobike;               /* addresses may change while SAs live (RFC 4555), if the peer agrees */
	enum ike_fragmentation fragmentation;
	uint16_t
	    fragment_size; /* IP packets larger than this are cut up; default when 0: IKE_FRAGMENT_SIZE */
};

struct ike_limits {
	unsigned half_open_max; /* IKE_SAs as responder without IKE_AUTH; beyond that, INITs are dropped */
	unsigned half_open_per_source; /* the same by source: an IPv4 address, an IPv6 /64 */
	unsigned cookie_threshold;     /* half-open count from which a COOKIE is demanded (0: always) */
	unsigned established_max;
};
extern const struct ike_limits ike_default_limits;

struct ike *ike_new(const struct ike_limits *limits, const struct rng *rng);
void ike_free(struct ike *ike); /* silently: send deletes first with ike_conn_down */

/*
 * Connections. `conn` is the caller's own non-zero number. -1 with a reason when the configuration can't
 * work. A replaced configuration (ike_conn_update) holds from the next negotiation on; live SAs stay.
 */
int ike_conn_add(
    struct ike *ike, uint32_t conn, const struct ike_conn_config *config, struct reason *ret_reason);
int ike_conn_update(
    struct ike *ike, uint32_t conn, const struct ike_conn_config *config, struct reason *ret_reason);
void ike_conn_remove(
    struct ike *ike, uint32_t conn); /* after ike_conn_down; anything alive is dropped silently */

/* --- commands --- */
/*
 * This peer has SAs of an earlier run of ours, which still carry traffic though nobody here knows their IKE
 * SA: no INITIAL_CONTACT (RFC 7296 2.4), on which it would drop them, until a child SA of this run is up.
 * Right after ike_conn_add. False: they are gone.
 */
void ike_conn_continues(struct ike *ike, uint32_t conn, bool does);
/* Be up, from now until down: initiate (role permitting) with retries, answer when the peer initiates. */
void ike_conn_up(struct ike *ike, uint32_t conn, mtime now);
/* Answer the peer, but start nothing until up (a tunnel on demand, at rest). What is up stays. */
void ike_conn_listen(struct ike *ike, uint32_t conn, mtime now);
/* Delete SAs at the peer and refuse its attempts until up. CHILD_DOWN, SA removals and the delete message
 * follow. */
void ike_conn_down(struct ike *ike, uint32_t conn, mtime now);
/* Drop what there is (telling the peer if tell) and start anew at once. */
void ike_conn_restart(struct ike *ike, uint32_t conn, bool tell, const struct reason *why, mtime now);
/* -1 when there is no child SA to rekey. */
int ike_conn_rekey_child(struct ike *ike, uint32_t conn, mtime now);
int ike_conn_rekey_ike(struct ike *ike, uint32_t conn, mtime now);

/* --- facts --- */
/* A datagram from port 500 or (natt: marker taken off) 4500. local and remote as seen on the socket. */
void ike_input(struct ike *ike, const struct endpoint *local, const struct endpoint *remote, bool natt,
    const uint8_t *data, size_t len, mtime now);
/* The job of an IKE_ACT_JOB has run (ok: as ike_job_run returned it). Consumes the job. */
struct ike_job;
void ike_job_done(struct ike *ike, struct ike_job *job, mtime now);
/* An action could not be carried out (an SA not installed, say). Dependent actions leave the queue. */
void ike_action_failed(struct ike *ike, uint64_t action_id, const struct reason *why, mtime now);
/* An authenticated ESP packet arrived on this connection's child SA at `at`: a sign of life. */
void ike_fact_inbound(struct ike *ike, uint32_t conn, mtime at);
/* First packet on this inbound SPI: the peer has moved to the new child SA of a rekey. */
void ike_fact_first_packet(struct ike *ike, uint32_t conn, uint32_t spi_in, mtime now);
/*
 * The newest authenticated ESP packet of this inbound SPI came from there, not from where we send to. A peer
 * that is behind a NAT is followed by IKE too, and IKE_ACT_REMOTE_MOVED says so (RFC 7296 2.23); any other is
 * not.
 */
void ike_fact_moved(struct ike *ike, uint32_t conn, uint32_t spi_in, const struct endpoint *remote);
/*
 * A datagram of ours to `remote` did not get there: the network or our own host said so (ICMP,
 * unauthenticated). spi_i: of the IKE header in what came back; 0: not known. Told, should the attempt fail;
 * it ends nothing (RFC 7296 2.4).
 */
enum ike_undelivered {
	IKE_UNDELIVERED_NONE,
	IKE_UNDELIVERED_PORT_CLOSED, /* port unreachable: its host is there, nothing listens */
	IKE_UNDELIVERED_HOST,        /* host or network unreachable, or we have no route */
	IKE_UNDELIVERED_FORBIDDEN,   /* a filter says no, a router's or our own */
};
void ike_fact_undelivered(
    struct ike *ike, const struct endpoint *remote, uint64_t spi_i, enum ike_undelivered why);
/*
 * The addresses of ours that lead to the peer now, the best first; at most IKE_LOCALS_MAX are kept. Of an IKE
 * SA that we began and whose peer knows MOBIKE, the SAs move to locals[0] (RFC 4555 3.5) and the others are
 * tried when the peer falls silent; of one that the peer began, the others are told to it. n 0: none at the
 * moment, which changes nothing. Else no effect.
 */
void ike_fact_locals(struct ike *ike, uint32_t conn, const struct addr locals[], unsigned n, mtime now);
/* What this child SA has carried, in either direction the larger; may start a rekey. Also of one that was
 * replaced and still takes late packets: its inbound side stays until they have ceased. */
struct ike_usage {
	uint64_t bytes, packets;
	mtime last_in; /* the last authenticated packet; {0}: none */
};
void ike_fact_usage(
    struct ike *ike, uint32_t conn, uint32_t spi_in, const struct ike_usage *usage, mtime now);
/* The outbound SA of this child runs out of sequence numbers. */
void ike_fact_seq_near_end(struct ike *ike, uint32_t conn, uint32_t spi_out, mtime now);

/* Is it a report that the peer refuses rekeys? It stands, though the tunnel is up, until one passes. */
bool ike_refuses_rekeys(const struct reason *why);

/* --- time --- */
mtime ike_deadline(const struct ike *ike); /* MTIME_NEVER when there is none */
void ike_timer(struct ike *ike, mtime now);

/* --- jobs: slow computations, runnable on any thread, touching nothing but themselves --- */
void ike_job_run(struct ike_job *job);
void ike_job_free(struct ike_job *job); /* only for jobs never given back */

/* --- actions --- */
enum ike_action_kind {
	IKE_ACT_SEND,     /* a datagram */
	IKE_ACT_JOB,      /* run the job, give it back with ike_job_done */
	IKE_ACT_SA_ADD,   /* install one direction of a child SA */
	IKE_ACT_SA_DEL,   /* remove one direction */
	IKE_ACT_STATE,    /* the connection's phase changed */
	IKE_ACT_CHILD_UP, /* both directions are installed and the exchange is complete: `child` of the ladder
	                   */
	IKE_ACT_CHILD_REKEYED, /* the successor pair is in use; `old` is its predecessor. spi_out seals, even
	                          where another outbound SA was installed after it */
	IKE_ACT_IKE_REKEYED,   /* the IKE SA has a successor, which has its children */
	IKE_ACT_CHILD_DOWN,    /* the connection has no child SA any more; before the SA_DELs */
	IKE_ACT_REMOTE_MOVED,  /* all child SAs of the connection are to use other addresses: a NAT's new
	                          mapping of the peer, or MOBIKE */
	IKE_ACT_REPORT,        /* something worth a log line or an error in status; nothing to do */
};
enum ike_phase { IKE_PHASE_DOWN, IKE_PHASE_CONNECTING, IKE_PHASE_AUTHENTICATING, IKE_PHASE_UP };
/* Why an SA was rekeyed. */
enum ike_rekey_why {
	IKE_REKEY_TIME,
	IKE_REKEY_BYTES,
	IKE_REKEY_PACKETS,
	IKE_REKEY_SEQ, /* its sequence numbers ran out */
	IKE_REKEY_COMMAND,
	IKE_REKEY_REHEARSAL,
	IKE_REKEY_PEER,     /* the peer did it, for its own reasons */
	IKE_REKEY_LOST,     /* the peer did not know it any more: made anew */
	IKE_REKEY_TAKEOVER, /* no rekey: of two IKE SAs the other one stays, with its child */
};
struct ike_rekeyed {
	mtime at; /* when the new one took over, by the engine's clock */
	enum ike_rekey_why why;
	bool by_us;
	bool collided; /* both ends did it at once */
};
enum ike_severity {
	IKE_REPORT_INFO,
	IKE_REPORT_OTHERS, /* an attempt by who did not prove to be the peer was refused: for the log, while
	                      another error stands */
	IKE_REPORT_WARN,
	IKE_REPORT_ERROR
};

/* One direction of a child SA, ready to install. */
struct ike_child_sa {
	bool inbound;
	uint32_t spi; /* host order; ours when inbound */
	enum encr_id encr;
	uint16_t encr_key_bits;
	enum integ_id integ;
	bool esn;
	uint8_t encr_key[CRYPTO_MAX_ENCR_KEY]; /* with salt, in KEYMAT order */
	uint8_t integ_key[CRYPTO_MAX_INTEG_KEY];
	bool udp_encap;
	struct endpoint local, remote;
	struct ike_ts ts_local[IKE_TS_MAX], ts_remote[IKE_TS_MAX];
	unsigned n_ts_local, n_ts_remote;
};

struct ike_action {
	uint64_t id;
	enum ike_action_kind kind;
	uint32_t conn; /* 0: of no connection (an answer to a stranger) */
	union {
		struct {
			struct endpoint local, remote; /* local address none: the route decides */
			bool natt;                     /* port 4500, with marker (the sender puts it there) */
			const uint8_t *data;           /* valid until the next call to ike_* */
			size_t len;
		} send;
		struct ike_job *job; /* owned by the receiver until ike_job_done */
		struct ike_child_sa sa_add;
		struct {
			bool inbound;
			uint32_t spi;
		} sa_del;
		struct {
			enum ike_phase phase;
			struct reason why;  /* may be unset */
			mtime next_attempt; /* DOWN with a retry coming: when; else NEVER */
		} state;
		struct {
			uint32_t spi_in, spi_out, old_spi_in, old_spi_out;
			struct ike_rekeyed how; /* of CHILD_REKEYED */
		} child;
		struct {
			uint64_t spi_i, spi_r, old_spi_i, old_spi_r;
			struct ike_rekeyed how;
		} ike;
		struct {
			struct endpoint local, remote;
			bool udp_encap;
			bool mobike; /* by UPDATE_SA_ADDRESSES, ours or the peer's */
		} moved;
		struct {
			enum ike_severity severity;
			struct reason why;
		} report;
	};
};
/* Takes the next action; false when the queue is empty. Keys in *ret_action are the caller's to cleanse. */
bool ike_next_action(struct ike *ike, struct ike_action *ret_action);

/* --- operational state: copies, for status and the CLI --- */
struct ike_conn_view {
	enum ike_phase phase;
	bool have_ike, have_child;
	bool initiator; /* of the current IKE SA */
	uint64_t spi_i, spi_r;
	char ike_proposal[96]; /* "aes256-sha256-modp2048" in the usual notation */
	mtime ike_since;
	uint32_t ike_rekeys, child_rekeys; /* since the connection came up */
	bool nat_local, nat_remote; /* a NAT before us, before them (as the peer and we saw it; force_encap
	                               not counted) */
	struct endpoint local, remote;
	struct ike_identity remote_id;
	uint32_t child_spi_in, child_spi_out;
	char esp_proposal[96];
	mtime child_since;
	bool udp_encap;
	bool fragmentation; /* both ends take IKE messages in fragments */
	bool mobike;        /* both ends know RFC 4555 */
	bool ppk;           /* a PPK is in the keys (RFC 8784) */
	struct ike_ts ts_local[IKE_TS_MAX], ts_remote[IKE_TS_MAX];
	unsigned n_ts_local, n_ts_remote;
	bool ts_narrowed; /* less than what we asked for: only these addresses pass */
	mtime ike_rekey_at, child_rekey_at;
	struct reason last_error; /* cleared when the child comes up */
	/* Attempts that were refused before they had proved to be the peer's, since then; and the last one's
	 * reason. */
	uint32_t refused;
	struct reason refused_why;
	unsigned attempts;
	mtime next_attempt;
};
int ike_conn_view(
    const struct ike *ike, uint32_t conn, struct ike_conn_view *ret_view); /* -1: no such connection */

struct ike_stats { /* of the endpoint */
	uint64_t datagrams_in, datagrams_out, dropped_malformed, dropped_no_sa, dropped_auth,
	    dropped_half_open, cookies_sent, retransmits, repeats_answered, fragments_in, fragments_out;
	uint64_t sas_visited; /* IKE SAs that calls have looked at: a measure of work, which may not grow with
	                         the number of tunnels */
	unsigned half_open, established;
};
void ike_stats(const struct ike *ike, struct ike_stats *ret_stats);
/* IKE SAs whose Delete is still to be sent or answered: at shutdown, wait (shortly) for 0 before ike_free. */
unsigned ike_pending(const struct ike *ike);

#endif
