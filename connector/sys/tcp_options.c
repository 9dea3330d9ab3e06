/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket options for BGP's connections. MD5 keys (RFC 2385) hang on a socket by remote address, so that one
 * listener serves peers with different passwords, and an accepted connection has its peer's from the first
 * segment on. The kernel drops what is not signed as expected without a word to either program.
 */
#include "connector/sys/tcp_options.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73 /* linux/in6.h, which does not go together with netinet/in.h */
#endif

int tcp_set_password(
    int fd, const struct addr *remote, const struct secret *password, struct reason *ret_reason)
{
	const struct endpoint to = { .addr = *remote };
	struct sockaddr_storage ss;
	struct tcp_md5sig sig = { .tcpm_keylen = password ? (uint16_t)password->len : 0 };
	int rc;

	if (sig.tcpm_keylen > TCP_PASSWORD_MAX)
		return reason_set(ret_reason, "tcp-password-too-long",
		    "the password for %s is longer than the %d octets that TCP takes", addr_str(remote),
		    TCP_PASSWORD_MAX);
	endpoint_to_sockaddr(&to, &ss);
	memcpy(&sig.tcpm_addr, &ss, sizeof(ss));
	if (sig.tcpm_keylen)
		memcpy(sig.tcpm_key, password->data, sig.tcpm_keylen);
	rc = setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig));
	cleanse(sig.tcpm_key, sizeof(sig.tcpm_key));
	/* There was none to take away, or the kernel has none at all: without a password BGP works there too.
	 */
	if (!rc || (!sig.tcpm_keylen && (errno == ENOENT || errno == ENOPROTOOPT)))
		return 0;
	return reason_set(ret_reason, "tcp-password-refused",
	    "the kernel does not take the password for %s: %s. Is it built with CONFIG_TCP_MD5SIG, and not "
	    "in FIPS mode?",
	    addr_str(remote), strerror(errno));
}

int tcp_set_hops(int fd, uint8_t family, uint8_t ttl, uint8_t min_ttl, struct reason *ret_reason)
{
	int level = family == 6 ? IPPROTO_IPV6 : IPPROTO_IP, send = ttl, least = min_ttl;

	if ((ttl && setsockopt(fd, level, family == 6 ? IPV6_UNICAST_HOPS : IP_TTL, &send, sizeof(send))) ||
	    setsockopt(fd, level, family == 6 ? IPV6_MINHOPCOUNT : IP_MINTTL, &least, sizeof(least)))
		return reason_set(ret_reason, "tcp-hops-refused",
		    "the kernel does not take a hop limit of %d, or %d at least: %s", send, least,
		    strerror(errno));
	return 0;
}

int tcp_set_options(int fd, const struct addr *remote, const struct tcp_options *o, struct reason *ret_reason)
{
	unsigned timeout = (unsigned)mdur_to_ms(o->user_timeout);

	if (tcp_set_password(fd, remote, o->password, ret_reason) ||
	    tcp_set_hops(fd, remote->family, o->ttl, o->min_ttl, ret_reason))
		return -1;
	if (timeout && setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout)))
		return reason_set(ret_reason, "tcp-timeout-refused",
		    "the kernel does not take a timeout of %u ms: %s", timeout, strerror(errno));
	return 0;
}
