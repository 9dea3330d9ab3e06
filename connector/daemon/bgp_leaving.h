/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP core of before, after a change of what concerns all of it (as, router-id, multipath, cluster-id):
 * its sessions have ended, a new core has taken its place, and its routes leave the kernel in turns of the
 * loop's bulk work, whatever their number. What the new core has learned meanwhile stays.
 *
 * Control thread only.
 */
#ifndef CW_DAEMON_BGP_LEAVING_H
#define CW_DAEMON_BGP_LEAVING_H

#include "connector/daemon/domain.h"

/* Takes domain.bgp, all of whose sessions have ended and been told so; domain.bgp is NULL then. */
void bgp_leaving_begin(struct domain *d);
/* A turn of it. */
void bgp_leaving_work(struct domain *d);
/* All routes of all cores of before have been told to go. */
bool bgp_leaving_done(const struct domain *d);
void bgp_leaving_free(struct domain *d);

#endif
