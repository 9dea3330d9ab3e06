/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reason: why something was refused or failed, as data. `id` is stable (scripts and `explain` rely on
 * it), lower-case words joined by hyphens ("ike-no-proposal", "config-unknown-leaf"); `text` is for people
 * and says what, where, why and what to do. Reasons travel in facts, actions and API answers; nobody prints
 * them but the daemon's log and the CLI. Never put a secret into one.
 */
#ifndef CW_BASE_REASON_H
#define CW_BASE_REASON_H

#include <stdbool.h>

struct reason {
	char id[48];
	char text[720];
};

/* Overwrites r; a NULL r is legal and ignored. Returns -1, so that `return reason_set(...)` reads well. */
int reason_set(struct reason *r, const char *id, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Appends to the text. */
void reason_add(struct reason *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void reason_clear(struct reason *r);
bool reason_is_set(const struct reason *r);

#endif
