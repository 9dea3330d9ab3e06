/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several struct ike in one process, over a virtual network with a seed: datagrams are lost, repeated,
 * delayed and so reordered; jobs run at once or later; a virtual clock. The actions go into a model data
 * plane that watches what must hold (struct ike_net_fault). Every run with the same seed is the same run.
 */
#ifndef CW_TESTS_IKE_NET_H
#define CW_TESTS_IKE_NET_H

#include "ike/ike.h"

#define IKE_NET_PEERS  4
#define IKE_NET_SAS    64
#define IKE_NET_CONN   1
#define IKE_NET_PACKET 100 /* bytes of an ESP packet, where they are counted */

struct ike_net_sa {
	bool used, seen; /* seen: a packet arrived on it */
	uint64_t packets;
	struct ike_child_sa sa;
};

struct ike_net_peer {
	struct ike_net *net;
	struct ike *ike;
	struct rng rng;
	uint64_t rng_state;
	struct addr addr;
	struct addr more; /* it has this one, too; none: it has not */
	struct addr dead; /* nothing from or to this one gets through; none: all does */
	bool nat;         /* behind a NAT of its own: */
	struct addr public;
	uint16_t nat_offset;   /* public port = own port + this */
	bool cut;              /* nothing of it leaves, nothing reaches it */
	bool no_job;           /* jobs stay undone */
	bool fail_inbound_add; /* the next inbound SA_ADD fails */
	/* the model data plane */
	struct ike_net_sa sa[IKE_NET_SAS];
	uint32_t current_out; /* SPI that seals; 0: none */
	bool up;              /* between CHILD_UP and CHILD_DOWN */
	uint32_t live_in;
	/* what was seen */
	struct ike_rekeyed how, ike_how; /* of the last of either kind */
	unsigned ups, downs, rekeys, ike_rekeys, reports, moved, sends;
	unsigned esp_stray; /* left for an address where nobody is, or through a NAT without UDP */
	unsigned esp_sent,
	    esp_missed; /* missed: no inbound SA at the other end when it arrived, though nothing was lost */
	enum ike_phase phase;
	mtime next_attempt;
	struct reason why;    /* of the last STATE with one */
	struct reason report; /* the last REPORT */
	struct reason last_warning;
	struct reason beside; /* the last of an attempt of others, that is no error of the connection */
};

struct ike_net {
	uint64_t seed, state;
	mtime now;
	unsigned loss, repeat, reorder; /* percent of datagrams */
	mdur delay_min, delay_max, job_delay;
	mdur traffic; /* ESP packets each way this often; 0: none */
	mtime next_traffic;
	bool esp_lossless; /* ESP isn't dropped, only IKE is */
	struct ike_net_peer peer[IKE_NET_PEERS];
	unsigned n_peers;
	struct ike_net_event *events; /* sorted by time */
	/* Sees, and may drop (false) or change, each IKE datagram on its way. */
	bool (*tap)(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx);
	void *tap_ctx;
	unsigned same_spi_twice, inbound_missing, keys_differ; /* faults; all 0 in a good run */
};

void ike_net_init(struct ike_net *net, uint64_t seed, unsigned n_peers);
/* Frees everything; SAs still in a model data plane stay to be looked at before. */
void ike_net_free(struct ike_net *net);
/* A fresh struct ike for this peer, as after a crash: its data plane is empty, the others know nothing. */
void ike_net_restart_peer(struct ike_net *net, unsigned i, const struct ike_limits *limits);
uint64_t ike_net_random(struct ike_net *net);

/* A configuration for peer `self` talking to `other`, with this IKE and ESP proposal; change it as you like.
 */
struct ike_conn_config ike_net_config(const struct ike_net *net, unsigned self, unsigned other,
    const char *ike_proposal, const char *esp_proposal);
void ike_net_add(struct ike_net *net, unsigned i, const struct ike_conn_config *config);
void ike_net_up(struct ike_net *net, unsigned i);
void ike_net_down(struct ike_net *net, unsigned i);

/* Carries out what is queued at every peer, without time passing. */
void ike_net_drain(struct ike_net *net);
/* Lets the world go on for this long. */
void ike_net_run(struct ike_net *net, mdur d);
/* Until done is true (checked after each event), at most for d. Returns what done said last. */
bool ike_net_run_until(struct ike_net *net, mdur d, bool (*done)(struct ike_net *net));
bool ike_net_both_up(struct ike_net *net);

/* Inbound plus outbound SAs in peer i's data plane. */
unsigned ike_net_count(const struct ike_net *net, unsigned i);
/* A pair at both ends that fit each other, and nothing else; else a text that says what is wrong. */
const char *ike_net_check_rest(struct ike_net *net, unsigned a, unsigned b);
/* Nothing is left in any data plane. */
const char *ike_net_check_empty(const struct ike_net *net);
/* Fails the test, with the seed, when there is a problem (a text of the checks above). */
void ike_net_assert(const struct ike_net *net, const char *problem);
/* Peer 0 initiates (role both), peer 1 responds; both added, none up. */
void ike_net_pair(struct ike_net *net, uint64_t seed, const char *ike_proposal, const char *esp_proposal);
/* Brings both up and waits for it. */
void ike_net_start_pair(struct ike_net *net);
/* All down, time for everything to end on a network without loss, nothing left, memory freed. */
void ike_net_finish(struct ike_net *net);
/* Sends bytes to peer i as if from `from`. */
void ike_net_inject(
    struct ike_net *net, unsigned i, const struct endpoint *from, bool natt, const uint8_t *data, size_t len);

#endif
