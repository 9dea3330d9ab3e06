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

/* The first that is not valid now, or else the leaf. The time at which all of them were or will be valid. */
static int64_t describe_first(struct ike_cert_facts *f, struct cert *const list[], unsigned n)
{
	int64_t latest_begin = INT64_MIN, first_end = INT64_MAX;
	struct cert_info info;
	bool found = false;

	for (unsigned i = 0; i < n; i++) {
		bool valid;

		if (cert_info(list[i], &info))
			continue;
		valid = f->now >= info.not_before && f->now <= info.not_after;
		if (!i || (!valid && !found))
			describe(f, &info);
		found = found || !valid;
		latest_begin = info.not_before > latest_begin ? info.not_before : latest_begin;
		first_end = info.not_after < first_end ? info.not_after : first_end;
	}
	if (f->now < latest_begin)
		return latest_begin;
	return f->now > first_end ? first_end : f->now;
}

void ike_cert_facts_note(
    struct ike_cert_facts *f, const struct credentials *cred, struct cert *const list[], unsigned n)
{
	struct cert *const *more;
	int64_t when;
	unsigned n_more;

	f->any = n > 0;
	f->now = credentials_now(cred);
	f->earliest = credentials_earliest(cred);
	when = describe_first(f, list, n);
	count_all(f, list, n);
	more = credentials_anchors(cred, &n_more);
	if (n_more <= ANCHORS_LOOKED_AT)
		count_all(f, more, n_more);
	if (f->ours)
		return;
	more = credentials_chain(cred, &n_more);
	count_all(f, more, n_more);
	f->trusted = credentials_trusts_at(cred, list, n, when);
}
