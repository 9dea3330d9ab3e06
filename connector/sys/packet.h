/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets as they leave by an interface that has no link layer (an xfrm interface, TUN): to see them, and to
 * send some by it later as if they had just been routed there. Each has a struct virtio_net_hdr in front
 * (PACKET_FRONT bytes, not to be changed), by which a checksum that the kernel had left for later is still
 * filled in. One thread per socket.
 */
#ifndef CW_SYS_PACKET_H
#define CW_SYS_PACKET_H

#include "connector/sys/domain.h"

#include <stddef.h>
#include <stdint.h>

#define PACKET_FRONT 10

/* A socket that does not block, or -errno (-EPERM: CAP_NET_RAW is missing). */
int packet_open(const struct sys_domain *domain, int ifindex);
/* The next that left, its length with PACKET_FRONT; 0: there is none. Longer ones than size come cut to it.
 */
size_t packet_read(int fd, void *buf, size_t size);
/* 0, or -errno. */
int packet_send(int fd, int ifindex, const void *buf, size_t len);

/* A UDP port of 127.0.0.1 that nobody reads: what arrives is gone, without a word. A socket, or -errno. */
int packet_sink(const struct sys_domain *domain, uint16_t *ret_port);

#endif
