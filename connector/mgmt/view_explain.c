/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `explain` as JSON (schema causeway/explain/1): a tunnel's ladder, its error, and the diagnosis. What the
 * facts of the attempt don't say comes from the catalogue of reasons: the causes in order, what to change,
 * what the setting is called at this cloud, where to look.
 */
#include "connector/mgmt/catalogue.h"
#include "connector/mgmt/view_json.h"

#include <string.h>

static const char *first_of(const char *said, const char *else_)
{
	return said[0] ? said : else_;
}

static json_t *lines(const char list[][IKE_DIAGNOSIS_TEXT], unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; a && i < n; i++)
		if (json_array_append_new(a, view_text(list[i]))) {
			json_decref(a);
			return NULL;
		}
	return a;
}

static json_t *other_causes(const struct catalogue_entry *e, unsigned from)
{
	json_t *a = json_array();

	for (unsigned i = from; a && e && i < CATALOGUE_CAUSES_MAX && e->cause[i]; i++)
		if (json_array_append_new(a, view_text(e->cause[i]))) {
			json_decref(a);
			return NULL;
		}
	return a;
}

/* Where else to look: who reads this need not be sent here. */
static const char *look_elsewhere(const struct catalogue_entry *e)
{
	static const char here[] = "`causeway explain SITE/TUNNEL`";
	const char *look = e ? e->look : NULL;

	if (!look || strncmp(look, here, sizeof(here) - 1) != 0)
		return look;
	look += sizeof(here) - 1;
	return !strncmp(look, "; ", 2) ? look + 2 : NULL;
}

static json_t *diagnosis(const struct view_explain *v)
{
	const struct ike_diagnosis *d = &v->diagnosis;
	const struct catalogue_entry *e = catalogue_find(d->id), *of_keys = d->keyless ? NULL : e;

	if (!d->id[0] && !d->n_seen)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", view_text_or_null(d->id),
	    "means", view_text_or_null(e ? e->means : NULL), "seen", lines(d->seen, d->n_seen), "ruled-out",
	    lines(d->ruled_out, d->n_ruled_out), "likely-cause",
	    view_text_or_null(first_of(d->cause, e ? e->cause[0] : NULL)), "other-causes",
	    other_causes(of_keys, d->cause[0] ? 0 : 1), "change-here",
	    view_text_or_null(first_of(d->here, e ? e->here : NULL)), "change-there",
	    view_text_or_null(first_of(d->there, e ? e->there : NULL)), "setting",
	    view_text_or_null(catalogue_setting(of_keys, v->cloud)), "look",
	    view_text_or_null(look_elsewhere(e)));
}

/* The steps of this tunnel's ladder; "now" is where it stands. */
static json_t *ladder(const struct view_explain *v)
{
	static const char *const steps[] = { "down", "connecting", "authenticating", "child", "passing",
		"bgp-open", "bgp-established", "in-fib" };
	const char *state = "done";
	json_t *a = json_array();

	for (size_t i = 0; a && i < sizeof(steps) / sizeof(steps[0]); i++) {
		bool now = !strcmp(steps[i], v->step);

		if (!v->has_bgp && !strncmp(steps[i], "bgp-", 4) && !now)
			continue;
		if (json_array_append_new(
		        a, json_pack("{s:s, s:s}", "step", steps[i], "state", now ? "now" : state))) {
			json_decref(a);
			return NULL;
		}
		if (now)
			state = "to-come";
	}
	return a;
}

static json_t *why(const struct reason *r)
{
	return reason_is_set(r) ? json_pack("{s:o, s:o}", "id", view_text(r->id), "text", view_text(r->text))
	                        : json_null();
}

json_t *view_explain_json(const struct view_explain *v)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "site",
	    view_text(v->site), "name", view_text(v->name), "admin", v->admin_up ? "up" : "down", "cloud",
	    view_text_or_null(v->cloud), "step", v->step, "fine", v->fine, "since", view_instant(v->since),
	    "ladder", ladder(v), "error", why(&v->error), "diagnosis", diagnosis(v), "next", why(&v->next),
	    "next-attempt", v->next_attempt < 0 ? json_null() : json_integer(v->next_attempt));
}
