/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 packets with headers of our own making: the one way to say DF packet by packet, which a socket can say
 * only for all it sends. Sending only; what comes back arrives at the sockets of udp.h. Thread safe per call.
 */
#ifndef CW_SYS_RAWIP_H
#define CW_SYS_RAWIP_H

#include "connector/sys/udp.h"

/* 0, or -errno (EPERM: CAP_NET_RAW is missing). */
int rawip_open(const struct sys_domain *domain, struct udp_socket *ret_sock);
/*
 * Sends all n in order, each whole or not at all, with DF set: as UDP from and to the ports given (checksum
 * 0, as RFC 3948 2.1 wants it), or without udp as ESP. Errors as udp_send_batch; -EMSGSIZE: longer than the
 * interface's MTU.
 */
void rawip_send_batch(const struct udp_socket *s, bool udp, struct udp_msg msgs[], unsigned n);

#endif
