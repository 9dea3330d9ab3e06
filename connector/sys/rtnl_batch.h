/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from inside: shared by the file that fills it (rtnl_build.c) and the one that sends it (rtnl.c), by
 * nobody else. */
#ifndef CW_SYS_RTNL_BATCH_H
#define CW_SYS_RTNL_BATCH_H

#include "connector/sys/rtnl.h"

#include <errno.h>

#define RTNL_BATCH_MAX 512 /* changes in one system call */

struct rtnl_batch {
	char *buf; /* owned */
	size_t len, n;
	size_t offset[RTNL_BATCH_MAX];
	size_t tag[RTNL_BATCH_MAX];
};

#endif
