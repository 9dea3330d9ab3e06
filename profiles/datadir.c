/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding data files. A program of the build tree must read the sources it was built from, never an older
 * installed set; an installed program must never read a developer's home. So the program's own place decides.
 */
#include "profiles/datadir.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool in_build_tree(void)
{
	char exe[DATADIR_MAX];
	const size_t n = strlen(CW_DATADIR_BUILD);
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len < 0)
		return false;
	exe[len] = '\0';
	return !strncmp(exe, CW_DATADIR_BUILD, n) && exe[n] == '/';
}

const char *datadir_find(const char *env, const char *in_source, const char *in_share, char *buf, size_t cap)
{
	const char *said = secure_getenv(env);

	if (!buf || !cap)
		return NULL;
	if (said && said[0]) {
		snprintf(buf, cap, "%s", said);
		return buf;
	}
	if (!in_build_tree()) {
		snprintf(buf, cap, "%s/%s", CW_DATADIR_INSTALLED, in_share);
		if (!access(buf, R_OK | X_OK))
			return buf;
	}
	snprintf(buf, cap, "%s/%s", CW_DATADIR_SOURCE, in_source);
	if (access(buf, R_OK | X_OK)) /* neither: name the place where an admin would put it */
		snprintf(buf, cap, "%s/%s", CW_DATADIR_INSTALLED, in_share);
	return buf;
}
