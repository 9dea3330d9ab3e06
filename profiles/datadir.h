/* SPDX-License-Identifier: Apache-2.0 */
/* Where the data files (profiles, YANG modules) of the running program are. */
#ifndef CW_PROFILES_DATADIR_H
#define CW_PROFILES_DATADIR_H

#include <stddef.h>

#define DATADIR_MAX 4096

/*
 * Fills buf with a directory (no trailing slash) and returns it. In order: what the environment variable env
 * names; when the program runs from its build tree, in_source below the sources; else the installed one,
 * in_share below PREFIX/share/causeway. Whether the directory exists and holds anything is for the caller to
 * find out.
 */
const char *datadir_find(const char *env, const char *in_source, const char *in_share, char *buf, size_t cap);

#endif
