/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `explain`: a tunnel's step, its error and what the IKE core has to tell of its last failure. An error that
 * is not of IKE (BGP's, the interface's) has no facts of an exchange beside it: the catalogue speaks for it.
 */
#include "connector/daemon/views.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void attempts(const struct tunnel *t, struct view_explain *v)
{
	struct ike_conn_view *c = calloc(1, sizeof(*c));

	v->next_attempt = -1;
	if (c && !ike_conn_view(t->domain->ike, t->id, c)) {
		int64_t s = mdur_to_s(mtime_since(c->next_attempt, clock_now()));

		v->attempts = c->attempts;
		if (t->step == STEP_DOWN && t->admin_up && c->next_attempt.ns &&
		    !mtime_is_never(c->next_attempt))
			v->next_attempt = s > 0 ? s : 0;
	}
	free(c);
}

static void explain_tunnel(const struct tunnel *t, struct view_explain *v)
{
	memset(v, 0, sizeof(*v));
	snprintf(v->site, sizeof(v->site), "%s", t->site->name);
	snprintf(v->name, sizeof(v->name), "%s", t->cfg->name);
	snprintf(v->cloud, sizeof(v->cloud), "%s", t->site->cloud);
	v->admin_up = t->admin_up;
	v->step = step_name(t->step);
	v->since = clock_wall(t->step_since);
	v->has_bgp = t->facts.has_bgp;
	view_tunnel_error(t, &v->error);
	tunnel_next(t, &v->next);
	v->fine = t->step == STEP_IN_FIB && !reason_is_set(&v->error);
	attempts(t, v);
	if (v->fine || ike_conn_diagnosis(t->domain->ike, t->id, &v->diagnosis))
		v->diagnosis = (struct ike_diagnosis){ 0 };
	if (reason_is_set(&v->error) && strcmp(v->error.id, v->diagnosis.id) != 0) {
		v->diagnosis = (struct ike_diagnosis){ 0 };
		snprintf(v->diagnosis.id, sizeof(v->diagnosis.id), "%s", v->error.id);
	}
}

size_t view_explain(void *ctx, size_t start, struct view_explain *out, size_t max)
{
	const struct domain *d = ctx;
	size_t i = 0, n = 0;

	list_for_each (&d->tunnels, struct tunnel, t, node) {
		if (t->retiring || n == max)
			continue;
		if (i++ >= start)
			explain_tunnel(t, &out[n++]);
	}
	return n;
}
