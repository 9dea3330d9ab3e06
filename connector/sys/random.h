/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's random numbers, as the rng that the cores are given. Thread safe; aborts when the kernel has
 * none. */
#ifndef CW_SYS_RANDOM_H
#define CW_SYS_RANDOM_H

#include "base/rng.h"

extern const struct rng sys_rng;

#endif
