/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start modes: when a tunnel that is in service starts IKE. `always` at once; `manual` when it was put into
 * service by command; `on-demand` at rest until a packet for one of its trigger routes, the peer or a command
 * asks for it, and back to rest when it has been idle, was lost, or could not be had. Control thread only.
 */
#ifndef CW_DAEMON_DEMAND_H
#define CW_DAEMON_DEMAND_H

#include "connector/daemon/tunnel.h"

/* In service: trigger routes and the plane's trigger, where it is on demand. Out of service: neither. */
void demand_arm(struct tunnel *t);
void demand_disarm(struct tunnel *t);
/* IKE as the start mode has it now; may be called again. */
void demand_start(struct tunnel *t);
/* The plane has a packet and no SA. */
void demand_packet(struct tunnel *t);
/* The child is up, by whomever. */
void demand_up(struct tunnel *t);
/* The child is lost, or the attempts came to nothing: on demand, the next packet asks again. */
void demand_lost(struct tunnel *t);
/* Its packets so far, our own probes not among them; takes down what has been idle. */
void demand_poll(struct tunnel *t, uint64_t packets, mtime now);
bool demand_resting(const struct tunnel *t);

#endif
