/* SPDX-License-Identifier: Apache-2.0 */
/* Group setup and teardown of cmocka tests that use the OpenSSL wrapper: without the teardown, the leak
 * checker speaks. */
#ifndef CW_TESTS_SUPPORT_CRYPTO_GROUP_H
#define CW_TESTS_SUPPORT_CRYPTO_GROUP_H

#include "base/crypto.h"

static inline int crypto_group_setup(void **state)
{
	(void)state;
	return crypto_init();
}

static inline int crypto_group_teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

#endif
