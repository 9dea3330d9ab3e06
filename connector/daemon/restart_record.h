/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon that leaves for a restart (SIGUSR2) writes down for its successor: how long the successor
 * has, and what stands in the kernel for it, by name, never a key. Text, a line each, blanks between the
 * words:
 *
 *   causeway-restart 1
 *   boot 4bc0f3a6-...           of the machine; the times below count from it
 *   netns 4026531840            the network namespace it ran in
 *   left 81239041               CLOCK_BOOTTIME, milliseconds
 *   until 81359041
 *   tunnel azure-hq/t1 cw0 7 c5e70001 1400       name, interface, its index, if_id, MTU
 *   outer 192.0.2.1 192.0.2.2                    of the tunnel before it: ours, the peer's
 *   inside 10.0.0.10/32
 *   sa in c1d2e3f4 192.0.2.1                     direction, SPI, outer destination
 *   peer azure-hq/t1 ipv4 ipv6                   a BGP session that stood, its families
 *   end
 *
 * Pure but for memory. Whether it may be believed (owner, boot, time) its reader decides (restart.c).
 */
#ifndef CW_DAEMON_RESTART_RECORD_H
#define CW_DAEMON_RESTART_RECORD_H

#include "base/addr.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "connector/daemon/plane.h"
#include "connector/mgmt/config.h"

#define RESTART_NAME_MAX    (CFG_NAME_MAX * 2 + 1)
#define RESTART_TUNNELS_MAX 4096
#define RESTART_PEERS_MAX   256
#define RESTART_INSIDE_MAX  8
#define RESTART_FILE_MAX    (4U << 20) /* bytes */

struct restart_tunnel {
	char name[RESTART_NAME_MAX + 1];
	struct plane_kept kept;
	struct addr local, remote; /* outer */
	struct prefix inside[RESTART_INSIDE_MAX];
	unsigned n_inside;
};

struct restart_peer {
	char name[RESTART_NAME_MAX + 1];
	bool family[2]; /* ipv4, ipv6 */
};

struct restart_record {
	char boot[40];
	uint64_t netns;
	mtime left, until; /* whole milliseconds */
	char *file;        /* it was read from, to be deleted when it has been used; or NULL */
	struct restart_tunnel *tunnel;
	size_t n_tunnel;
	struct restart_peer *peer;
	size_t n_peer;
};

void restart_record_free(struct restart_record *r); /* NULL is legal */
/* Zeroed rooms at the end of the lists; NULL: no memory, or too many. */
struct restart_tunnel *restart_record_tunnel(struct restart_record *r);
struct restart_peer *restart_record_peer(struct restart_record *r);
/* The text, to be freed; NULL: no memory. */
char *restart_record_build(const struct restart_record *r, size_t *ret_len);
/* NULL with a reason ("restart-record-refused") that names the line. */
struct restart_record *restart_record_parse(const char *text, size_t len, struct reason *ret_reason);

#endif
