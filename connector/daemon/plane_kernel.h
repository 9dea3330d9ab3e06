/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's data plane: XFRM states and policies, and an xfrm interface per tunnel. For plane.c; everybody
 * else includes plane.h.
 */
#ifndef CW_DAEMON_PLANE_KERNEL_H
#define CW_DAEMON_PLANE_KERNEL_H

#include "connector/daemon/plane_impl.h"

struct plane_kernel;
struct plane_user;

/*
 * Takes out what a predecessor left, then tries: an xfrm interface and a state, made and removed. NULL with
 * the reason "data-plane-no-kernel". `user` sends the NAT keepalives, from the socket they must come from.
 */
struct plane_kernel *plane_kernel_new(const struct plane_config *config, const struct plane_events *events,
    void *ctx, struct plane_user *user, struct reason *ret_why_not);
/* Removes all its states, policies and interfaces. */
void plane_kernel_free(struct plane_kernel *k);
/* As plane.h says of plane_leave and the rest. */
void plane_kernel_leave(struct plane_kernel *k, mdur patience);
bool plane_kernel_keeps(struct plane_kernel *k, uint32_t tunnel, struct plane_kept *ret_kept);
bool plane_kernel_is_kept(const struct plane_kernel *k, int ifindex);
bool plane_kernel_has_old(struct plane_kernel *k, uint32_t tunnel);
void plane_kernel_old_drop(struct plane_kernel *k, uint32_t tunnel);
void plane_kernel_kept_drop(struct plane_kernel *k);
struct plane_impl *plane_kernel_impl(struct plane_kernel *k);
int plane_kernel_event_fd(const struct plane_kernel *k);
void plane_kernel_dispatch(struct plane_kernel *k);

#endif
