/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding data files. A program of the build tree must read the sources it was built from, never an older
 * installed set; an installed program must never read a developer's home, whose owner could then choose what
 * a daemon of root's believes. So the program's own place decides, and nothing else.
 */
#include "profiles/datadir.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool in_build_tree(void)
{
	char exe[DATADIR_MAX], build[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t n;

	/* The kernel's name holds no symbolic links, so ours must not either. */
	if (len < 0 || !realpath(CW_DATADIR_BUILD, build))
		return false;
	exe[len] = '\0';
	n = strlen(build);
	return !strncmp(exe, build, n) && exe[n] == '/';
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
	if (in_build_tree())
		snprintf(buf, cap, "%s/%s", CW_DATADIR_SOURCE, in_source);
	else
		snprintf(buf, cap, "%s/%s", CW_DATADIR_INSTALLED, in_share);
	return buf;
}
