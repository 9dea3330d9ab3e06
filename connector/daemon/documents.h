/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world that certificates are judged in (base/credentials.h): the clock on the wall, and documents by
 * HTTP, CRLs and OCSP answers, with a cache. Thread safe: jobs call it.
 *
 * A fetch takes 5 seconds at most, less when the query says so, and 8 MB; it follows no redirection, uses no
 * proxy, and goes to http:// only. At most two run at once, so that a server that hangs leaves workers for
 * key exchanges; who comes third goes without. What failed isn't tried again for a minute.
 */
#ifndef CW_DAEMON_DOCUMENTS_H
#define CW_DAEMON_DOCUMENTS_H

#include "base/credentials.h"

struct documents;
/* earliest: as in struct credentials_world. NULL: no memory. */
struct documents *documents_new(int64_t earliest);
const struct credentials_world *documents_world(const struct documents *d);
/* Fetches under way end at once, and none begins. */
void documents_stop(struct documents *d);
void documents_free(struct documents *d); /* NULL is legal; no job may run any more */

#endif
