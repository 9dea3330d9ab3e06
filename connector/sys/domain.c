/* SPDX-License-Identifier: Apache-2.0 */
/* Entering a routing domain's namespace, for as long as it takes to open something there. */
#include "connector/sys/domain.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

const struct sys_domain sys_domain_default = { .name = "default", .netns_fd = -1 };

int sys_domain_enter(const struct sys_domain *d, int *ret_token)
{
	int here;

	if (d->netns_fd < 0) {
		*ret_token = -1;
		return 0;
	}
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return -1;
	if (setns(d->netns_fd, CLONE_NEWNET)) {
		int saved = errno;

		close(here);
		errno = saved;
		return -1;
	}
	*ret_token = here;
	return 0;
}

void sys_domain_leave(int token)
{
	if (token < 0)
		return;
	if (setns(token, CLONE_NEWNET))
		abort(); /* a thread lost in a foreign namespace must not go on */
	close(token);
}

int sys_domain_socket(const struct sys_domain *d, int family, int type, int protocol)
{
	int token, fd, err;

	if (sys_domain_enter(d, &token))
		return -errno;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	err = errno;
	sys_domain_leave(token);
	return fd < 0 ? -err : fd;
}
