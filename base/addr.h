/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses, prefixes and endpoints as plain values: copy them, compare them, print them. Bytes are in
 * network order. Family 4 or 6; 0 is "none". Unused bytes are zero, so memcmp-style equality holds.
 */
#ifndef CW_BASE_ADDR_H
#define CW_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
	uint8_t family; /* 0, 4 or 6 */
	uint8_t b[16];  /* network order; the first 4 for IPv4 */
};

struct prefix {
	struct addr addr; /* host bits are zero in a canonical prefix */
	uint8_t len;      /* bits */
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

#define ADDR_STR_MAX     46
#define PREFIX_STR_MAX   50
#define ENDPOINT_STR_MAX 56

struct addr addr_v4(uint32_t host_order);
struct addr addr_from_bytes(uint8_t family, const uint8_t *bytes); /* 4 or 16 bytes by family */
unsigned addr_bits(const struct addr *a);                          /* 32, 128, or 0 */
unsigned addr_size(const struct addr *a);                          /* 4, 16, or 0 */
bool addr_eq(const struct addr *a, const struct addr *b);
int addr_cmp(const struct addr *a, const struct addr *b); /* family, then bytes */
bool addr_is_none(const struct addr *a);
bool addr_is_unspecified(const struct addr *a); /* 0.0.0.0 or :: */
uint32_t addr_to_v4(const struct addr *a);      /* host order; 0 if not IPv4 */
/* 0, or -1 when text is no address literal. */
int addr_parse(const char *text, struct addr *ret_addr);
/* The text form, in one of 8 buffers of the calling thread: fine for one printf, not to be kept. */
const char *addr_str(const struct addr *a);

/* Accepts "10.0.0.0/16" and a bare address as a host prefix. strict refuses host bits. 0, or -1. */
int prefix_parse(const char *text, bool strict, struct prefix *ret_prefix);
struct prefix prefix_host(const struct addr *a);
struct prefix prefix_canonical(struct prefix p); /* host bits cleared */
bool prefix_eq(const struct prefix *a, const struct prefix *b);
int prefix_cmp(const struct prefix *a, const struct prefix *b); /* family, bytes, length */
bool prefix_contains_addr(const struct prefix *p, const struct addr *a);
bool prefix_contains(const struct prefix *outer, const struct prefix *inner); /* equal counts */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
const char *prefix_str(const struct prefix *p); /* same buffers as addr_str */
/* The bit at position i (0 is the most significant) of an address. */
static inline unsigned addr_bit(const struct addr *a, unsigned i)
{
	return a->b[i >> 3] >> (7 - (i & 7)) & 1;
}

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b);
const char *endpoint_str(const struct endpoint *e); /* "192.0.2.1:500", "[2001:db8::1]:500" */
/* To and from the kernel's form. endpoint_to_sockaddr returns the length; 0 for family 0. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret_ss);
struct endpoint endpoint_from_sockaddr(const struct sockaddr_storage *ss);

#endif
