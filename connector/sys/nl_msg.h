/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every netlink socket of ours does alike, whoever owns it (nl.c: single requests; rtnl.c: dumps and
 * batches): one datagram out, one in, and what an answer of failure says. Any thread.
 */
#ifndef CW_SYS_NL_MSG_H
#define CW_SYS_NL_MSG_H

#include <stddef.h>
#include <sys/types.h>

struct nlmsghdr;

/* To the kernel. 0, or -errno. */
int nl_msg_send(int fd, const void *buf, size_t len);
/* One datagram of the kernel's; those of others are passed over. Its length, or -errno; -ENOBUFS: it was cut.
 */
ssize_t nl_msg_receive(int fd, void *buf, size_t cap, int flags);
/* Of an NLMSG_ERROR: 0, or -errno; -EBADMSG when it is none the kernel writes. */
int nl_msg_error(const struct nlmsghdr *nlh);
/* The kernel's words behind an error (NLM_F_ACK_TLVS), "" if it gave none; they stay in the message. */
const char *nl_msg_text(const struct nlmsghdr *nlh);

#endif
