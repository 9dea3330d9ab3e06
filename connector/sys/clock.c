/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the clocks. */
#include "connector/sys/clock.h"

mtime clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (mtime){ (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec };
}

uint64_t clock_monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

time_t clock_wall(mtime t)
{
	return time(NULL) - (time_t)((clock_now().ns - t.ns) / 1000000000);
}
