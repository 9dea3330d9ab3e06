/* SPDX-License-Identifier: Apache-2.0 */
/* What every tunnel interface of ours is given, whichever plane made it: for tun.c and xfrm_link.c. */
#ifndef CW_SYS_LINK_SETTINGS_H
#define CW_SYS_LINK_SETTINGS_H

#include <stdint.h>

/*
 * In the calling thread's namespace: sets the MTU, loose rp_filter and no IPv6 link-local address of its own
 * (nothing speaks neighbour discovery through a tunnel), then brings the interface up. 0, or -errno.
 */
int link_settings_up(int ifindex, uint32_t mtu);

#endif
