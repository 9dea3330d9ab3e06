/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks: the only place that reads one. Thread safe. */
#ifndef CW_SYS_CLOCK_H
#define CW_SYS_CLOCK_H

#include "base/mtime.h"

#include <time.h>

/* CLOCK_BOOTTIME: runs on while the machine is suspended, as lifetimes and hold times must. */
mtime clock_now(void);
/* CLOCK_MONOTONIC in microseconds, as sd_notify's MONOTONIC_USEC wants it. */
uint64_t clock_monotonic_us(void);
/* The wall-clock second at which `t` was or will be, for people. */
time_t clock_wall(mtime t);

#endif
