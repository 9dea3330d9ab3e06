/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bidirectional Forwarding Detection (RFC 5880) over one hop (RFC 5881) and several (RFC 5883) as a pure
 * core: packets, facts and `now` in; actions and the next deadline out. It opens no socket, reads no clock,
 * draws randomness (discriminators, jitter) only from the rng given, and logs nothing.
 *
 * Asynchronous mode in the active role. No echo (we ask the peer for none, and offer none), no demand mode of
 * our own; a peer that asks for it (D) is no longer sent periodic packets while both ends are Up. No
 * authentication: a packet with the A bit is discarded, counted, and remembered in the view. Our C bit is
 * always 0: this BFD dies with the daemon.
 *
 * All calls from one thread, or under one lock. After each call that takes `now`, drain bfd_next_action.
 */
#ifndef CW_BFD_BFD_H
#define CW_BFD_BFD_H

#include "base/addr.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BFD_PORT_SINGLE_HOP 3784 /* UDP destination, RFC 5881 4 */
#define BFD_PORT_MULTIHOP   4784 /* RFC 5883 5 */
#define BFD_SOURCE_PORT_MIN 49152
#define BFD_SOURCE_PORT_MAX 65535
#define BFD_TTL             255 /* sent by all, and required of single-hop packets (RFC 5881 5) */
#define BFD_PACKET_LEN      24
#define BFD_SESSIONS_MAX    1024
#define BFD_NAME_MAX        128

struct bfd;

/* As on the wire. */
enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP };
const char *bfd_state_name(enum bfd_state s); /* "AdminDown", "Down", "Init", "Up" */
enum bfd_diag {
	BFD_DIAG_NONE,
	BFD_DIAG_EXPIRED, /* control detection time expired */
	BFD_DIAG_ECHO,
	BFD_DIAG_NEIGHBOUR, /* the neighbour signalled session down */
	BFD_DIAG_FORWARDING,
	BFD_DIAG_PATH,
	BFD_DIAG_CONCATENATED,
	BFD_DIAG_ADMIN, /* administratively down */
	BFD_DIAG_REVERSE,
};
const char *bfd_diag_name(uint8_t diag); /* in words; "unknown" for what has no name */

struct bfd_config {
	char name[BFD_NAME_MAX];   /* for reasons */
	struct addr local, remote; /* both are needed */
	bool multihop;
	int ifindex;         /* packets must come by it; 0: by any */
	mdur min_tx, min_rx; /* 1 us to an hour: how often we want to send, and can receive */
	uint8_t multiplier;  /* not 0 */
};

/* shortest: the interval below which the caller's timers promise nothing; configurations below are refused.
 */
struct bfd *bfd_new(const struct rng *rng, mdur shortest);
void bfd_free(struct bfd *b);

/* Ids are the caller's, not 0. The session starts Down and sends once a second until it is Up. -1 with a
 * reason. */
int bfd_session_add(
    struct bfd *b, uint32_t id, const struct bfd_config *config, mtime now, struct reason *ret_reason);
/*
 * Intervals and the multiplier change in the running session (a Poll Sequence, 6.8.3), the name and the
 * interface too; addresses and hops can't.
 */
int bfd_session_update(
    struct bfd *b, uint32_t id, const struct bfd_config *config, mtime now, struct reason *ret_reason);
/* The peer hears of it by one last packet (AdminDown), a SEND action; it is no fault for it. */
void bfd_session_remove(struct bfd *b, uint32_t id, mtime now);
/* Administratively down and up again. */
void bfd_session_admin(struct bfd *b, uint32_t id, bool up, mtime now);

/* What became of a packet: RFC 5880 6.8.6 in its order. */
enum bfd_verdict {
	BFD_ACCEPTED,
	BFD_TOO_SHORT,
	BFD_WRONG_VERSION,
	BFD_WRONG_LENGTH,
	BFD_NO_MULTIPLIER,
	BFD_MULTIPOINT,
	BFD_NO_DISCRIMINATOR,
	BFD_WRONG_STATE,
	BFD_AUTHENTICATED,
	BFD_NO_SESSION,
	BFD_WRONG_PATH, /* another address, interface or kind of hop than the session's */
	BFD_WRONG_TTL,
	BFD_SESSION_ADMIN_DOWN,
	BFD_N_VERDICTS,
};
const char *bfd_verdict_text(enum bfd_verdict v);

struct bfd_arrival {
	struct addr local, remote;
	int ifindex;
	uint8_t ttl;
	bool multihop; /* came to BFD_PORT_MULTIHOP */
};
enum bfd_verdict bfd_input(
    struct bfd *b, const struct bfd_arrival *from, const uint8_t *data, size_t len, mtime now);

/* Feed what has arrived before the timers: a caller that was held up must not take its own pause for silence.
 */
mtime bfd_deadline(const struct bfd *b);
void bfd_timer(struct bfd *b, mtime now);

enum bfd_action_kind {
	BFD_ACT_SEND,  /* this packet, with BFD_TTL */
	BFD_ACT_STATE, /* the session's state changed (those nobody would act on, like Down to Init, too) */
};
struct bfd_action {
	uint64_t id;
	enum bfd_action_kind kind;
	uint32_t session;
	union {
		struct {
			struct addr local, remote;
			bool multihop;
			uint8_t data[BFD_PACKET_LEN];
		} send;
		struct {
			enum bfd_state state;
			bool fell;         /* it was Up, and left that; it may even be Up again */
			bool admin;        /* it fell because one of us was told to: no fault of the path (RFC
			                      5882 3.2) */
			bool independent;  /* the peer's C bit when it fell (RFC 5882 4.3) */
			struct reason why; /* of a fall */
		} state;
	};
};
bool bfd_next_action(struct bfd *b, struct bfd_action *ret_action);

struct bfd_view {
	enum bfd_state state, remote_state;
	uint8_t diag, remote_diag;
	mtime since;
	uint32_t local_discr, remote_discr;
	mdur tx_interval;                  /* as we send, before jitter */
	mdur detection;                    /* silence that counts as a failure; 0: nothing heard yet */
	mdur remote_min_tx, remote_min_rx; /* as the peer says */
	uint8_t remote_multiplier;
	bool polling, remote_demand, remote_independent;
	uint64_t packets_in, packets_out, discarded;
	enum bfd_verdict last_discard; /* of this session's; BFD_ACCEPTED: none */
	uint32_t ups, downs;
};
int bfd_session_view(const struct bfd *b, uint32_t id, struct bfd_view *ret_view);
/* Packets by what became of them, of all sessions and of none. */
struct bfd_counters {
	uint64_t packets[BFD_N_VERDICTS];
};
void bfd_counters(const struct bfd *b, struct bfd_counters *ret_counters);

#endif
