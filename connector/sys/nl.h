/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A netlink socket for single requests, and for listening: what xfrm.c and xfrm_link.c share. (rtnl.c, which
 * dumps a million routes and sends changes in batches, has its own; what both do alike is nl_msg.h's.) One
 * thread at a time.
 */
#ifndef CW_SYS_NL_H
#define CW_SYS_NL_H

#include "connector/sys/domain.h"

#include <stddef.h>
#include <stdint.h>

#define NL_TEXT 160 /* room for the kernel's explanation */

struct nlmsghdr;
struct nl;

/* Messages of answers, dumps and events; valid during the call. */
typedef void nl_handler(void *ctx, const struct nlmsghdr *nlh);

/* protocol: NETLINK_ROUTE, NETLINK_XFRM. 0, or -errno (EPROTONOSUPPORT: the kernel has no such thing). */
int nl_open(const struct sys_domain *domain, int protocol, struct nl **ret_nl);
void nl_close(struct nl *nl); /* cleanses what it received: answers about SAs hold their keys */
int nl_fd(const struct nl *nl);
uint32_t nl_port(const struct nl *nl);      /* what the kernel knows it by */
int nl_join(struct nl *nl, unsigned group); /* 0, or -errno */
/*
 * Sends one request, whose flags it completes (a dump, when NLM_F_DUMP is set), and waits for all of its
 * answer. handler may be NULL. 0, or -errno with the kernel's words, "" if it gave none, in ret_text
 * (NL_TEXT bytes, or NULL).
 */
int nl_request(struct nl *nl, struct nlmsghdr *nlh, nl_handler *handler, void *ctx, char *ret_text);
/* Events that have arrived. 0; -ENOBUFS: some were lost; other -errno. */
int nl_read(struct nl *nl, nl_handler *handler, void *ctx);

#endif
