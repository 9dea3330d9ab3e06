/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out on purpose. A test named *_nomem_test is linked with wrapped allocators
 * (tests/CMakeLists.txt): while armed, the n-th allocation of our own archives fails, and those after it
 * succeed again. Allocations inside shared libraries are not seen, except those of jansson and OpenSSL after
 * alloc_fail_libraries. Leaks are the leak checker's to find. One thread.
 */
#ifndef CW_TEST_ALLOC_FAIL_H
#define CW_TEST_ALLOC_FAIL_H

#include <stdbool.h>

/* Routes jansson's and OpenSSL's allocations here. The first thing in main: 0, or -1 when OpenSSL has
 * allocated already. */
int alloc_fail_libraries(void);

void alloc_fail_arm(long n);  /* the n-th from now on, counted from 0, fails */
bool alloc_fail_disarm(void); /* did it come to that? */

/*
 * Runs `run` with allocation 0, 1, 2, ... failing, until it runs with none failing. run returns whether it
 * reports success; it cleans up either way and disarms nothing. Asserts that a run without a failure reports
 * success. Returns how many failures were tried, and in *ret_survived (may be NULL) how many of those runs
 * reported success nevertheless: legal where memory is a convenience, and then the result must be right.
 */
unsigned alloc_fail_sweep(bool (*run)(void *ctx), void *ctx, unsigned *ret_survived);

#endif
