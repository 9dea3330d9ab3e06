/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart that packets don't notice (SIGUSR2; docs/restart.md). The daemon that leaves writes a record
 * (restart_record.h) and ends without a word to anybody: no IKE Delete, no BGP Cease, and in the kernel all
 * stays. Its successor takes over, and the order is the point:
 *
 *   at start      interfaces, SAs and policies of the record stay; routes of protocol 201 stay, as left over
 *   a tunnel      IKE anew without INITIAL_CONTACT; the old SAs carry until the new ones do, and drain
 *   BGP           OPENs with R and F; no route to the kernel nor to a peer until the tables are told
 *   at the end    what nobody wanted again goes: old SAs, routes, then nothing is left of the restart
 *
 * Whatever is not back by the record's deadline is given up. Control thread only.
 */
#ifndef CW_DAEMON_RESTART_H
#define CW_DAEMON_RESTART_H

#include "base/log.h"
#include "connector/daemon/restart_record.h"

struct domain;
struct tunnel;

#define RESTART_FILE "restart" /* in the state directory */

/* --- leaving --- */
/* Can it leave so that traffic goes on? -1 with a reason ("restart-user-plane"). */
int restart_possible(const struct domain *d, struct reason *ret_why_not);
/* Writes the record; from then on the end of the domain takes nothing out of the kernel. -1 with a reason:
 * nothing has happened. */
int restart_leave(struct domain *d, const char *state_dir, struct reason *ret_reason);

/* --- coming back --- */
/* The predecessor's record; NULL: there is none, or it is not to be believed or too old, which is logged, and
 * it is deleted. Until restart_applied whoever starts may fail: the record, and what is in the kernel, stay
 * for the next try. */
struct restart_record *restart_load(const char *state_dir, const struct logger *log);
/* What the record says of a tunnel by this name; NULL: nothing. */
const struct restart_tunnel *restart_of_name(const struct domain *d, const char *name);
/* What this tunnel is to take over; NULL: nothing. Before it has an interface. */
const struct restart_tunnel *restart_of_tunnel(const struct tunnel *t);
/* Does a tunnel that is still to come take over an interface of this name? */
bool restart_wants_name(const struct domain *d, const char *interface);
/* The cores have been told of it: */
void restart_ike_entered(struct tunnel *t);
void restart_peer_added(struct domain *d, uint32_t id, const char *name);
void restart_bgp_made(struct domain *d); /* a BGP core, without peers yet */
/* A configuration is in force: with the first, what an earlier run left in the kernel and nobody wants may
 * go, unless it waits for all to be told again. */
void restart_applied(struct domain *d);
/* Each pump: goes on with it. */
void restart_look(struct domain *d, mtime now);
mtime restart_deadline(const struct domain *d);

#endif
