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
/* Routes (views_routes.c), as api_ops.routes_*. */
void *views_routes_open(
    void *ctx, const struct api_route_query *q, enum api_result *ret_result, struct reason *ret_reason);
size_t views_routes_next(void *walk, struct view_route *out, size_t max, bool *ret_done);
void views_routes_close(void *walk);
/* `explain` (views_explain.c), as api_ops.explain. */
size_t view_explain(void *ctx, size_t start, struct view_explain *out, size_t max);

#endif
