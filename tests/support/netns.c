/* SPDX-License-Identifier: Apache-2.0 */
/* Nameless network namespaces, held by descriptors; interfaces are made by ip(8), which takes a namespace as
 * a path. */
#include "tests/support/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NETNS_SELF "/proc/thread-self/ns/net"

int netns_enter(int netns_fd)
{
	int token = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);

	if (token < 0)
		return -1;
	if (setns(netns_fd, CLONE_NEWNET) < 0) {
		close(token);
		return -1;
	}
	return token;
}

void netns_leave(int token)
{
	if (setns(token, CLONE_NEWNET) < 0) {
		perror("can't return to the namespace the test was started in");
		abort();
	}
	close(token);
}

int netns_new(void)
{
	int old = open(NETNS_SELF, O_RDONLY | O_CLOEXEC), fd = -1;

	if (old < 0)
		return -1;
	if (unshare(CLONE_NEWNET) == 0) {
		fd = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
		netns_leave(old);
	} else {
		close(old);
	}
	if (fd >= 0 && netns_run(fd, "ip link set lo up") != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int netns_run(int netns_fd, const char *fmt, ...)
{
	char command[512];
	int token, status;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	token = netns_enter(netns_fd);
	if (token < 0)
		return -1;
	status = system(command);
	netns_leave(token);
	return status;
}

int netns_join(int a, const char *name_a, int b, const char *name_b)
{
	if (netns_run(a, "ip link add %s type veth peer name %s netns /proc/%d/fd/%d", name_a, name_b,
	        getpid(), b) != 0)
		return -1;
	if (netns_run(a, "ip link set %s up", name_a) != 0 || netns_run(b, "ip link set %s up", name_b) != 0)
		return -1;
	return 0;
}
