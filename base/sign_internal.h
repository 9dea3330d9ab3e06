/* SPDX-License-Identifier: Apache-2.0 */
/* What sign*.c, x509*.c and who makes TLS contexts share: the library's objects inside. */
#ifndef CW_BASE_SIGN_INTERNAL_H
#define CW_BASE_SIGN_INTERNAL_H

#include "base/sign.h"

#include <openssl/evp.h>

struct sig_key {
	unsigned refs; /* atomic */
	EVP_PKEY *pkey;
	enum sig_key_kind kind;
};
/* Takes pkey over, also on failure: NULL when its kind isn't known. */
struct sig_key *sig_key_wrap(EVP_PKEY *pkey);

#endif
