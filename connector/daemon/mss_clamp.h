/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP's segment size held to what a tunnel carries: a SYN (or its answer) that crosses a tunnel, in either
 * direction, and offers a larger MSS (RFC 9293 3.7.1) has it lowered; none is ever raised. It is done by the
 * kernel: one table `inet causeway` a routing domain, which is ours as route protocol 201 is; no other table
 * is read or changed.
 *
 * Control thread only. Where nft is missing or refuses, tunnels work without the clamp; the reason stands
 * until it is there.
 */
#ifndef CW_DAEMON_MSS_CLAMP_H
#define CW_DAEMON_MSS_CLAMP_H

#include "base/log.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "connector/sys/domain.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSS_CLAMP_TABLE "causeway"

struct mss_clamp_way {
	char interface[IFNAMSIZ];
	uint32_t ipv4, ipv6; /* bytes; the largest segment that may be offered */
};

/* The figures for an interface of this MTU: the wanted size, less where it would not fit with 40 (IPv4) or 60
 * (IPv6) bytes of headers. */
struct mss_clamp_way mss_clamp_way(const char *interface, uint32_t mss, uint32_t mtu);
/*
 * The whole as one document for nft_run: the table of before goes, and comes anew unless n is 0. To be freed
 * by the caller; NULL when memory is out.
 */
char *mss_clamp_document(const struct mss_clamp_way way[], size_t n);

struct mss_clamp;

struct mss_clamp *mss_clamp_new(const struct sys_domain *domain, const struct logger *log);
/* Takes the table out if it is in. */
void mss_clamp_free(struct mss_clamp *c, bool keep); /* keep: the table stays, for a successor */

/*
 * What is wanted, as a whole: begin, add for each tunnel with an interface (mss 0: none wanted), commit. The
 * commit runs nft (8 to 40 ms) only when something is different from what is in force; the first always does,
 * as an earlier run may have left a table. A failure is retried after a minute; a table that somebody else
 * has flushed is put back within seconds.
 */
void mss_clamp_begin(struct mss_clamp *c);
void mss_clamp_add(struct mss_clamp *c, const char *interface, uint32_t mss, uint32_t mtu);
void mss_clamp_commit(struct mss_clamp *c, mtime now);

/* Is this in force, with these figures? */
bool mss_clamp_holds(const struct mss_clamp *c, const struct mss_clamp_way *way);
/* Why it does not hold where it should; not set while all is well. */
const struct reason *mss_clamp_error(const struct mss_clamp *c);

#endif
