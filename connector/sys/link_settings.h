/* SPDX-License-Identifier: Apache-2.0 */
/* What every tunnel interface of ours is given, whichever plane made it: for tun.c and xfrm_link.c. */
#ifndef CW_SYS_LINK_SETTINGS_H
#define CW_SYS_LINK_SETTINGS_H

#include <stdint.h>

/*
 * In the calling thread's namespace: sets the MTU, loose rp_filter, no IPv6 link-local address of its own
 * (nothing speaks neighbour discovery through a tunnel) and how many packets may wait in the interface (0:
 * the kernel's choice), then brings it up. 0, or -errno.
 */
int link_settings_up(int ifindex, uint32_t mtu, uint32_t queue);

#endif
