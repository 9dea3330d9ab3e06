/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to tell of a certificate that was refused, or of our own when the peer refuses it: whose it
 * is and its dates, whether it would be trusted were the dates right, and how many other certificates are out
 * of date in the same direction. Several at once speak for a wrong clock rather than for forgetful people.
 *
 * Runs in the job that judged it: with the same time of day, and off the daemon's thread.
 */
#include "ike/auth_signature.h"

#include <stdio.h>

#define ANCHORS_LOOKED_AT 16 /* of a system's whole bundle some are always out of date */

static void count(struct ike_cert_facts *f, const struct cert_info *info)
{
	f->expired += f->now > info->not_after;
	f->early += f->now < info->not_before;
}

static void count_all(struct ike_cert_facts *f, struct cert *const list[], unsigned n)
{
	struct cert_info info;

	for (unsigned i = 0; i < n; i++)
		if (!cert_info(list[i], &info))
			count(f, &info);
}

static void describe(struct ike_cert_facts *f, const struct cert_info *info)
{
	snprintf(f->subject, sizeof(f->subject), "%.*s", (int)sizeof(f->subject) - 1, info->subject);
	snprintf(f->issuer, sizeof(f->issuer), "%.*s", (int)sizeof(f->issuer) - 1, info->issuer);
	snprintf(f->key, sizeof(f->key), "%s", info->key);
	f->not_before = info->not_before;
	f->not_after = info->not_after;
}

/* The first that is not valid now, or else the leaf. */
static void describe_first(struct ike_cert_facts *f, struct cert *const list[], unsigned n)
{
	struct cert_info info;
	bool found = false;

	for (unsigned i = 0; i < n && !found; i++) {
		if (cert_info(list[i], &info))
			continue;
		found = f->now < info.not_before || f->now > info.not_after;
		if (!i || found)
			describe(f, &info);
	}
}

void ike_cert_facts_note(
    struct ike_cert_facts *f, const struct credentials *cred, struct cert *const list[], unsigned n)
{
	struct cert *const *more;
	unsigned n_more;

	f->any = n > 0;
	f->now = credentials_now(cred);
	f->earliest = credentials_earliest(cred);
	describe_first(f, list, n);
	count_all(f, list, n);
	more = credentials_anchors(cred, &n_more);
	if (n_more <= ANCHORS_LOOKED_AT)
		count_all(f, more, n_more);
	if (f->ours)
		return;
	more = credentials_chain(cred, &n_more);
	count_all(f, more, n_more);
	f->trusted = credentials_trusts_but_for_dates(cred, list, n);
}
