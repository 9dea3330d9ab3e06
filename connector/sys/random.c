/* SPDX-License-Identifier: Apache-2.0 */
/* getrandom(2) behind struct rng. */
#include "connector/sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void fill(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	(void)ctx;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort(); /* keys without randomness are worse than no process */
		p += n;
		len -= (size_t)n;
	}
}

const struct rng sys_rng = { .fill = fill };
