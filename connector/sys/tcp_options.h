/* SPDX-License-Identifier: Apache-2.0 */
/* What protects and bounds a TCP connection of BGP's: signatures, hops, time. All by socket options, all in
 * effect at once. */
#ifndef CW_SYS_TCP_OPTIONS_H
#define CW_SYS_TCP_OPTIONS_H

#include "base/addr.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "base/secret.h"

#include <stdint.h>

#define TCP_PASSWORD_MAX 80 /* octets that the kernel takes for a key of RFC 2385 */

/* Zero: nothing is said. The password belongs to the caller and is copied by the kernel. */
struct tcp_options {
	const struct secret *password; /* RFC 2385; NULL or empty: none */
	uint8_t ttl;                   /* hop limit of what we send; 0: the system's */
	uint8_t min_ttl;   /* what comes with less is not heard (RFC 5082); 0: whatever comes is */
	mdur user_timeout; /* what we send and nobody acknowledges for so long breaks the connection; 0: the
	                      system's */
};

/*
 * Sets the key for segments from and to `remote` (its port does not matter); NULL or empty takes it away. For
 * connections at any time, and for listeners, which hold one a peer. -1 with a reason: this kernel has no MD5
 * signatures, or the key is too long.
 */
int tcp_set_password(
    int fd, const struct addr *remote, const struct secret *password, struct reason *ret_reason);
/* Hop limits: 0 leaves the limit of what we send as it is, and takes that of what we hear away. */
int tcp_set_hops(int fd, uint8_t family, uint8_t ttl, uint8_t min_ttl, struct reason *ret_reason);
/* All of o, for a connection with `remote`. */
int tcp_set_options(
    int fd, const struct addr *remote, const struct tcp_options *o, struct reason *ret_reason);

#endif
