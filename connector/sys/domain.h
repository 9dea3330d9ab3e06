/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routing domain that an adapter acts in: a network namespace. Every adapter (UDP, TCP, TUN, netlink)
 * takes one when it opens something; what is opened stays in that namespace whichever one its user runs in
 * later. Today there is only the default domain (the process's own namespace); tenants are more of these, not
 * another design.
 */
#ifndef CW_SYS_DOMAIN_H
#define CW_SYS_DOMAIN_H

struct sys_domain {
	const char *name; /* "default" */
	int netns_fd;     /* -1: the namespace the process was started in */
};

extern const struct sys_domain sys_domain_default;

/*
 * Enters the domain in the calling thread only and returns a token for sys_domain_leave; for the default
 * domain both do nothing. -1 with errno when the namespace can't be entered.
 */
int sys_domain_enter(const struct sys_domain *d, int *ret_token);
void sys_domain_leave(int token);
/* socket(2) in the domain, closed on exec: the descriptor, or -errno (of entering it, too). */
int sys_domain_socket(const struct sys_domain *d, int family, int type, int protocol);

#endif
