/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hands of path_watch: gives it the plane's facts, sends its echo requests through the tunnel, and does
 * what it says. Echoes go to `probe-address`, else to the BGP peer. Control thread only.
 */
#ifndef CW_DAEMON_LIVENESS_H
#define CW_DAEMON_LIVENESS_H

#include "connector/daemon/tunnel.h"

/* A new tunnel, or a new configuration; was: the one before, or NULL. */
void liveness_config(struct tunnel *t, const struct cfg_tunnel *was);
void liveness_up(struct tunnel *t);
void liveness_down(struct tunnel *t);
void liveness_poll(struct tunnel *t, const struct plane_counters *c, mtime now);
/* The far end has answered an echo. */
void liveness_answered(struct tunnel *t, mtime now);
/* Packets of users in both directions: all but our echoes and their answers. */
uint64_t liveness_user_packets(const struct tunnel *t, const struct plane_counters *c);

#endif
