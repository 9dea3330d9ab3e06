/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet filters, by the program `nft`: its library is GPL-2 and sits neither with OpenSSL's licence nor with
 * ours. A document is one transaction of the kernel: all of it or nothing. Any thread; the calls wait, see
 * each.
 */
#ifndef CW_SYS_NFT_H
#define CW_SYS_NFT_H

#include "base/reason.h"
#include "connector/sys/domain.h"

/*
 * Runs `nft -j -f -` in the routing domain with this document (libnftables-json(5)) and waits for its end: 8
 * to 40 ms (the kernel waits for readers of the old table), after 2 s it is killed. No shell is involved; the
 * program is the first `nft` in PATH. 0, or -1 with a reason: "nft-missing" when there is no such program,
 * "nft-failed" with the program's own words.
 */
int nft_run(const struct sys_domain *domain, const char *json, struct reason *ret_reason);
/* Is there a table `inet NAME`? One question by netlink, microseconds. 1, 0, or -errno. */
int nft_has_table(const struct sys_domain *domain, const char *name);

#endif
