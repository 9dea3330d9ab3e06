/* SPDX-License-Identifier: Apache-2.0 */
/* The structs that the files of bfd/ share; nobody else's. Names of variables are those of RFC 5880 6.8.1. */
#ifndef CW_BFD_CORE_H
#define CW_BFD_CORE_H

#include "base/htab.h"
#include "base/list.h"
#include "base/timerq.h"
#include "bfd/bfd.h"
#include "bfd/packet.h"

struct bfd_session {
	struct list node;         /* bfd.sessions */
	struct list ready;        /* bfd.ready: has something to send or to say */
	struct hnode by_discr;    /* bfd.discrs */
	struct hnode by_remote;   /* bfd.remotes */
	struct timerq_node timer; /* the sooner of tx_at and detect_at */
	struct bfd *bfd;
	uint32_t id;
	struct bfd_config config;
	bool leaving; /* removed; its last packet waits to be fetched */

	enum bfd_state state, remote_state;
	uint8_t diag, remote_diag;
	mtime since;
	uint32_t local_discr, remote_discr;
	/* What the packets say, and what counts until a Poll Sequence has told the peer (6.8.3). */
	mdur desired_min_tx, tx_in_use;
	mdur required_min_rx, rx_in_use;
	mdur remote_min_rx, remote_min_tx; /* min_rx: 1 us until something was heard */
	uint8_t remote_multiplier;         /* 0: nothing heard */
	bool remote_demand, remote_independent;
	bool polling, poll_again; /* again: values changed under way, or a packet without P is due first */
	mtime last_in, last_out;
	mtime tx_at, detect_at;
	mtime extras_since; /* packets outside of the timer, in this second: */
	unsigned extras;

	/* For bfd_next_action: */
	bool send_now, send_final;
	bool tell, fell, fell_admin, fell_independent;
	struct reason why;

	uint64_t packets_in, packets_out, discarded;
	enum bfd_verdict last_discard;
	uint32_t ups, downs;
};

struct bfd {
	struct rng rng;
	mdur shortest;
	struct list sessions, ready;
	unsigned n;
	struct htab discrs, remotes;
	struct siphash_key key;
	struct timerq timers;
	uint64_t next_action_id;
	struct bfd_counters counters;
};

/* session.c */
void session_start(struct bfd_session *s, mtime now);
void session_packet(struct bfd_session *s, const struct bfd_packet *p, mtime now);
void session_timers(struct bfd_session *s, mtime now);
void session_intervals(struct bfd_session *s, mtime now); /* the configuration changed */
void session_admin(struct bfd_session *s, bool up, mtime now);
void session_sent(struct bfd_session *s, struct bfd_packet *ret_packet); /* the packet to send now */
mdur session_tx_interval(const struct bfd_session *s);
mdur session_detection(const struct bfd_session *s);

#endif
