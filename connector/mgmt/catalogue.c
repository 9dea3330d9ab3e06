/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking things up in the catalogue. It has a few hundred entries and is asked by people and once a failure,
 * so a walk over all of it is fast enough.
 */
#include "connector/mgmt/catalogue_internal.h"

#include <string.h>

static const struct catalogue_entry *const parts[] = { catalogue_ike, catalogue_auth, catalogue_bgp,
	catalogue_bgp_session, catalogue_bfd, catalogue_config, catalogue_host, catalogue_ask,
	catalogue_next };
#define PARTS (sizeof(parts) / sizeof(parts[0]))

const struct catalogue_entry *catalogue_at(size_t i)
{
	for (size_t p = 0; p < PARTS; p++)
		for (const struct catalogue_entry *e = parts[p]; e->id; e++)
			if (!i--)
				return e;
	return NULL;
}

const struct catalogue_entry *catalogue_find(const char *id)
{
	for (size_t p = 0; p < PARTS; p++)
		for (const struct catalogue_entry *e = parts[p]; e->id; e++)
			if (!strcmp(e->id, id))
				return e;
	return NULL;
}

const char *catalogue_setting(const struct catalogue_entry *e, const char *cloud)
{
	for (unsigned i = 0; e && i < CATALOGUE_CLOUDS_MAX && e->cloud[i].cloud; i++)
		if (!strcmp(e->cloud[i].cloud, cloud))
			return e->cloud[i].setting;
	return NULL;
}

/* Ids that share their beginning, up to four. */
int catalogue_unknown(const char *id, struct reason *ret_reason)
{
	size_t head = strcspn(id, "-");
	unsigned n = 0;

	reason_set(ret_reason, "unknown-reason", "there is no tunnel and no reason \"%.80s\"", id);
	for (size_t i = 0; head && n < 4 && catalogue_at(i); i++)
		if (!strncmp(catalogue_at(i)->id, id, head))
			reason_add(ret_reason, "%s %s", n++ ? "," : "; reasons alike:", catalogue_at(i)->id);
	return -1;
}
