/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates end on a date, and tunnels with them: the next authentication fails, at night and weeks later.
 * So each threshold is said once, a warning each time, and `tunnel show` always has the date.
 */
#include "connector/daemon/certificate.h"

#include "connector/daemon/domain.h"

#include <stdio.h>

#define DAY (24 * 3600)

static const mdur look_every = { 3600 * (int64_t)1000000000 };
static const int64_t thresholds[] = { 0, 1, 7, 30 }; /* days */

/* Our certificate. -1: none. */
static int own(const struct tunnel *t, struct cert_info *ret_info)
{
	struct cert *const *chain;
	unsigned n;

	if (!t->cfg->credentials)
		return -1;
	chain = credentials_chain(t->cfg->credentials, &n);
	return n ? cert_info(chain[0], ret_info) : -1;
}

void certificate_view(const struct tunnel *t, struct view_tunnel *v)
{
	struct view_certificate *c = &v->certificate;
	struct cert_info info;

	if (own(t, &info))
		return;
	snprintf(c->subject, sizeof(c->subject), "%s", info.subject);
	snprintf(c->issuer, sizeof(c->issuer), "%s", info.issuer);
	snprintf(c->serial, sizeof(c->serial), "%s", info.serial);
	snprintf(c->sha256, sizeof(c->sha256), "%s", info.sha256);
	snprintf(c->key, sizeof(c->key), "%s", info.key);
	c->not_after = (time_t)info.not_after;
}

void certificate_look(struct tunnel *t, mtime now)
{
	struct cert_info info;
	char date[40];
	int64_t left;

	if (!t->cfg->credentials || !mtime_reached(t->certificate_next, now))
		return;
	t->certificate_next = mtime_add(now, look_every);
	if (own(t, &info))
		return;
	left = info.not_after - credentials_now(t->cfg->credentials);
	if (t->certificate_not_after != info.not_after) { /* the first, or a new one */
		t->certificate_not_after = info.not_after;
		t->certificate_said = INT64_MAX;
	}
	for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
		if (left > thresholds[i] * DAY)
			continue;
		if (t->certificate_said > thresholds[i])
			log_warn(t->domain->log, t->name,
			    "%s: our certificate \"%s\" %s on %s. Renew it, and reload.",
			    left > 0 ? "certificate-expires-soon" : "certificate-expired", info.subject,
			    left > 0 ? "expires" : "expired",
			    cert_time_str(info.not_after, date, sizeof(date)));
		t->certificate_said = thresholds[i];
		return;
	}
}
