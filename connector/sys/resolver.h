/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names to addresses by the system's resolver (getaddrinfo: /etc/hosts, DNS, ...), which may take long:
 * each question has a thread of its own, and a bounded number of them run at once. Nothing here waits, not
 * even the end: a question that is still open then is given up. In the process's own network namespace.
 */
#ifndef CW_SYS_RESOLVER_H
#define CW_SYS_RESOLVER_H

#include "base/addr.h"

#include <stdbool.h>

#define RESOLVER_NAME_MAX 254
#define RESOLVER_ADDRS    4  /* of one name; more are left out */
#define RESOLVER_OPEN_MAX 16 /* questions at once */

struct resolver;

struct resolver_answer {
	uint64_t tag;
	char name[RESOLVER_NAME_MAX];
	struct addr addr[RESOLVER_ADDRS]; /* in the order the system prefers them (RFC 6724) */
	unsigned n;                       /* 0: none, error says why */
	char error[128];
};

struct resolver *resolver_new(void); /* NULL: no descriptors or memory */
void resolver_free(struct resolver *r);
/* family 0: both. False: too many are open, or there is no memory: ask again later. */
bool resolver_ask(struct resolver *r, uint64_t tag, const char *name, uint8_t family);
/* Readable when there is an answer. */
int resolver_fd(const struct resolver *r);
bool resolver_next(struct resolver *r, struct resolver_answer *ret_answer);

#endif
