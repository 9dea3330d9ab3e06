/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue of reasons: for each id that anything in this project can give, what it means, the likely
 * causes in order, what to change here and on the far side, and where to look. One table, compiled in, so
 * that `causeway explain ID` needs no daemon; the test `floors.reasons` holds it against the code both ways.
 */
#ifndef CW_MGMT_CATALOGUE_H
#define CW_MGMT_CATALOGUE_H

#include "base/reason.h"

#include <stddef.h>

#define CATALOGUE_CAUSES_MAX 4
#define CATALOGUE_CLOUDS_MAX 6

struct catalogue_entry { /* all of it static; strings that don't apply are NULL */
	const char *id;
	const char *means;
	const char *cause[CATALOGUE_CAUSES_MAX]; /* the likeliest first; NULL behind the last */
	const char *here;                        /* the leaf or command on this side */
	const char *there;                       /* on the far side, in common words */
	const char *look;                        /* where to see more */
	struct catalogue_cloud {
		const char *cloud;   /* as profiles name it: "azure", "aws", ...; "windows" */
		const char *setting; /* what it is called there */
	} cloud[CATALOGUE_CLOUDS_MAX];
};

/* NULL when there is none. */
const struct catalogue_entry *catalogue_find(const char *id);
/* The name of the setting at this cloud; NULL when it is not known. */
const char *catalogue_setting(const struct catalogue_entry *e, const char *cloud);
/* All, by index; NULL behind the last. */
const struct catalogue_entry *catalogue_at(size_t i);
/* "there is no reason ...", with the nearest id. Always -1. */
int catalogue_unknown(const char *id, struct reason *ret_reason);

#endif
