/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user-space data plane, and the sockets of IKE, which are its worker's to read whichever plane carries
 * the tunnels. For plane.c; everybody else includes plane.h.
 */
#ifndef CW_DAEMON_PLANE_USER_H
#define CW_DAEMON_PLANE_USER_H

#include "connector/daemon/plane_impl.h"

struct plane_user;

/* As plane_new. Each event comes with ctx. */
struct plane_user *plane_user_new(const struct plane_config *config, const struct plane_events *events,
    void *ctx, struct reason *ret_reason);
void plane_user_free(struct plane_user *p);
struct plane_impl *plane_user_impl(struct plane_user *p);
int plane_user_event_fd(const struct plane_user *p);
void plane_user_dispatch(struct plane_user *p);
int plane_user_send_ike(struct plane_user *p, const struct endpoint *local, const struct endpoint *remote,
    bool natt, const uint8_t *data, size_t len);
/* One byte 0xff from port 4500 (RFC 3948 2.3). Lost ones are no harm: the next comes in time. */
void plane_user_send_keepalive(
    struct plane_user *p, const struct endpoint *local, const struct endpoint *remote);
void plane_user_stray_counters(struct plane_user *p, struct plane_counters *ret_counters);
/*
 * Who opens ESP that comes in UDP 4500: the kernel (true; what it has no SA for it drops), or the worker.
 * IKE comes through either way (RFC 3948 2). 0, or -errno: a kernel without ESP in UDP.
 */
int plane_user_kernel_decap(struct plane_user *p, bool on);

#endif
