/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the management API from the domain's state. Control thread only; the ctx of each operation is a
 * struct domain. */
#ifndef CW_DAEMON_VIEWS_H
#define CW_DAEMON_VIEWS_H

#include "connector/mgmt/api.h"

extern const struct api_ops daemon_api_ops;

struct tunnel;
/* The error that stands; unset for a tunnel that has arrived. */
void view_tunnel_error(const struct tunnel *t, struct reason *ret_error);
/* `explain` (views_explain.c), as api_ops.explain. */
size_t view_explain(void *ctx, size_t start, struct view_explain *out, size_t max);

#endif
