/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files from a pattern with %Y %m %d %H %M %S %s %% in its last part (recorder.h). Pure. */
#ifndef CW_SYS_RECORD_NAME_H
#define CW_SYS_RECORD_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* at in UTC; n above 1: with "-n" behind it. -1 when it is too long. */
int record_name(const char *pattern, time_t at, unsigned n, char *ret_name, size_t cap);
/* Could this name, without its directory, have come of the pattern's last part? */
bool record_name_matches(const char *pattern, const char *name);

#endif
