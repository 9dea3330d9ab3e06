/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static routes: with the child, and trigger routes without one, so that a packet may ask for it. Tunnels
 * with the same route (prefix and metric) stand in for each other: it goes by one of them, rather by one that
 * passes packets than by one that has but a child, and moves without a moment between. Control thread only.
 */
#ifndef CW_DAEMON_STATICS_H
#define CW_DAEMON_STATICS_H

#include "connector/daemon/domain.h"
#include "connector/daemon/routes_internal.h"
#include "connector/daemon/tunnel.h"

/* As they should be now, by t->routes_in and whether it is armed. */
void statics_settle(struct tunnel *t);
/* Its trigger routes. */
void statics_arm(struct tunnel *t, bool armed);
/* On demand, and it could not be had or was lost: its trigger routes go to the next tunnel at rest that has
 * them, too, which the next packet asks. One that is up has them already. */
void statics_pass_turn(struct tunnel *t);
/* Its packets don't pass any more, though its child stands: they move to tunnels that pass packets. Without
 * one they stay: what leaves may still arrive. */
void statics_path_lost(struct tunnel *t);
/* A configuration that is to come: it leaves what that doesn't have. */
void statics_leave(struct tunnel *t, const struct cfg_tunnel *cfg);
/* It has come: what both have keeps its place. statics_settle is to follow. */
void statics_enter(struct tunnel *t, const struct cfg_tunnel *was);
/* The writer's word on one. */
void statics_result(struct domain *d, const struct prefix *p, uint32_t metric, enum place place);

#endif
