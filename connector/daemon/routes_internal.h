/* SPDX-License-Identifier: Apache-2.0 */
/* What routes.c and statics.c share: where a route stands, and a way by a tunnel. Control thread only. */
#ifndef CW_DAEMON_ROUTES_INTERNAL_H
#define CW_DAEMON_ROUTES_INTERNAL_H

#include "connector/daemon/tunnel.h"

/* STANDBY: a static route that another tunnel has too, and goes by that one. */
enum place { NOT_WANTED, PENDING, IN_KERNEL, FAILED, STANDBY };

/* Enters a route that stands there into a tunnel's facts (by 1), or takes it out (by -1, which unsigned
 * arithmetic honours). */
void route_count_place(struct ladder_facts *f, enum place place, unsigned by);
/* Its one way is the tunnel's interface. */
void route_one_way(struct fib_route *r, const struct tunnel *t);

#endif
