/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and prefixes as values; no name is ever resolved here. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *str_slot(void)
{
	static _Thread_local char slots[8][64];
	static _Thread_local unsigned next;

	return slots[next++ & 7];
}

struct addr addr_v4(uint32_t v)
{
	return (struct addr){ .family = 4,
		.b = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v } };
}

struct addr addr_from_bytes(uint8_t family, const uint8_t *bytes)
{
	struct addr a = { .family = family };

	memcpy(a.b, bytes, addr_size(&a));
	return a;
}

unsigned addr_size(const struct addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

unsigned addr_bits(const struct addr *a)
{
	return addr_size(a) * 8;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, addr_size(a));
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

bool addr_is_none(const struct addr *a)
{
	return a->family == 0;
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family != 0 && memcmp(a->b, zero, addr_size(a)) == 0;
}

uint32_t addr_to_v4(const struct addr *a)
{
	if (a->family != 4)
		return 0;
	return (uint32_t)a->b[0] << 24 | (uint32_t)a->b[1] << 16 | (uint32_t)a->b[2] << 8 | a->b[3];
}

int addr_parse(const char *text, struct addr *ret_addr)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, text, a.b) == 1) {
		a.family = 4;
	} else {
		memset(a.b, 0, sizeof(a.b));
		if (inet_pton(AF_INET6, text, a.b) != 1)
			return -1;
		a.family = 6;
	}
	*ret_addr = a;
	return 0;
}

const char *addr_str(const struct addr *a)
{
	char *s = str_slot();

	if (a->family == 0)
		return "none";
	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, s, 64);
	return s;
}

struct prefix prefix_canonical(struct prefix p)
{
	unsigned size = addr_size(&p.addr), i = p.len / 8, rest = p.len % 8;

	if (i < size && rest)
		p.addr.b[i++] &= (uint8_t)(0xff00 >> rest);
	while (i < size)
		p.addr.b[i++] = 0;
	return p;
}

int prefix_parse(const char *text, bool strict, struct prefix *ret_prefix)
{
	char buf[ADDR_STR_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p = { 0 };
	struct prefix c;

	if (n >= sizeof(buf))
		return -1;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (addr_parse(buf, &p.addr))
		return -1;
	p.len = (uint8_t)addr_bits(&p.addr);
	if (slash) {
		char *end;
		long len;

		if (slash[1] < '0' || slash[1] > '9')
			return -1;
		len = strtol(slash + 1, &end, 10);
		if (*end || len > (long)addr_bits(&p.addr))
			return -1;
		p.len = (uint8_t)len;
	}
	c = prefix_canonical(p);
	if (strict && !addr_eq(&c.addr, &p.addr))
		return -1;
	*ret_prefix = strict ? c : p;
	return 0;
}

struct prefix prefix_host(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = (uint8_t)addr_bits(a) };
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c = addr_cmp(&a->addr, &b->addr);

	return c ? c : (int)a->len - (int)b->len;
}

bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return prefix_cmp(a, b) == 0;
}

bool prefix_contains_addr(const struct prefix *p, const struct addr *a)
{
	struct prefix inner = prefix_host(a);

	return prefix_contains(p, &inner);
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	const uint8_t *a = outer->addr.b, *b = inner->addr.b;
	unsigned whole = outer->len / 8, rest = outer->len % 8;

	if (outer->addr.family != inner->addr.family || inner->len < outer->len)
		return false;
	for (unsigned i = 0; i < whole; i++)
		if (a[i] != b[i])
			return false;
	return !rest || !((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, b) || prefix_contains(b, a);
}

const char *prefix_str(const struct prefix *p)
{
	char *s = str_slot();

	snprintf(s, 64, "%s/%u", addr_str(&p->addr), p->len);
	return s;
}

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

const char *endpoint_str(const struct endpoint *e)
{
	char *s = str_slot();

	snprintf(s, 64, e->addr.family == 6 ? "[%s]:%u" : "%s:%u", addr_str(&e->addr), e->port);
	return s;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret_ss)
{
	memset(ret_ss, 0, sizeof(*ret_ss));
	if (e->addr.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret_ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.b, 4);
		return sizeof(*in);
	}
	if (e->addr.family == 6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		memcpy(&in6->sin6_addr, e->addr.b, 16);
		return sizeof(*in6);
	}
	return 0;
}

struct endpoint endpoint_from_sockaddr(const struct sockaddr_storage *ss)
{
	struct endpoint e = { 0 };

	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

		e.addr = addr_from_bytes(4, (const uint8_t *)&in->sin_addr);
		e.port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

		e.addr = addr_from_bytes(6, (const uint8_t *)&in6->sin6_addr);
		e.port = ntohs(in6->sin6_port);
	}
	return e;
}
