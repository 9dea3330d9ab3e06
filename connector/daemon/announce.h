/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks announced by what stands behind them: `network[]` (always, or while the prefix or a part of it is
 * in the kernel by other hands), `redistribute[]` (connected networks, static routes, whatever others have in
 * the kernel) and `aggregate[]`. The networks of `announce[]` and of commands are not touched here. Control
 * thread only.
 */
#ifndef CW_DAEMON_ANNOUNCE_H
#define CW_DAEMON_ANNOUNCE_H

#include "connector/daemon/domain.h"

struct announce;
struct announce *announce_new(void);    /* NULL when memory is out */
void announce_free(struct announce *a); /* NULL is legal */

/* A configuration takes effect; anew: the BGP core is another and knows of nothing. */
void announce_apply(struct domain *d, const struct cfg *cfg, bool anew);
/* Foreign routes in the kernel, as the FIB writer tells them; the list replaces the last one. */
void announce_sources(struct domain *d, const struct fib_source list[], size_t n, bool cut);

/* Is it announced by source now, or aggregated as its parts are there? */
bool announce_has(const struct domain *d, const struct prefix *p);
/* Could it be, by this configuration? */
bool announce_may(const struct cfg *cfg, const struct prefix *p);
/* A command has withdrawn a network of these, or announces it again (bgp_command_withdrew). */
void announce_overridden(struct domain *d);

#endif
