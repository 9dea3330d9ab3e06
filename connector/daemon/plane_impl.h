/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a data plane must be able to do: the operations behind plane.h, which finds the plane of a tunnel and
 * calls them. For plane.c and the planes themselves; their contract is that of the functions of plane.h of
 * the same names.
 */
#ifndef CW_DAEMON_PLANE_IMPL_H
#define CW_DAEMON_PLANE_IMPL_H

#include "connector/daemon/plane.h"

struct plane_impl; /* the first member of each plane */

struct plane_ops {
	int (*tunnel_add)(
	    struct plane_impl *i, const struct plane_tunnel *t, int *ret_ifindex, struct reason *ret_reason);
	void (*tunnel_del)(struct plane_impl *i, uint32_t tunnel);
	int (*sa_add)(struct plane_impl *i, const struct plane_sa *sa, struct reason *ret_reason);
	void (*sa_del)(struct plane_impl *i, uint32_t tunnel, bool inbound, uint32_t spi);
	void (*sa_use)(struct plane_impl *i, uint32_t tunnel, uint32_t spi);
	void (*remote_update)(struct plane_impl *i, uint32_t tunnel, const struct endpoint *local,
	    const struct endpoint *remote, bool udp_encap);
	void (*outer_mtu)(struct plane_impl *i, uint32_t tunnel, uint32_t mtu); /* NULL: finds out itself */
	void (*keepalive)(struct plane_impl *i, uint32_t tunnel, bool on);
	int (*trigger)(struct plane_impl *i, uint32_t tunnel, bool on);
	void (*read)(struct plane_impl *i, struct plane_reading reading[], size_t n);
};

/* Is it to one address? Packets to many wake no tunnel: machines send them on every interface by themselves.
 */
bool plane_to_one(const uint8_t *data, size_t len);

struct plane_impl {
	const struct plane_ops *ops;
};

#endif
