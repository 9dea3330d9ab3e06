/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/sys/net shows the network namespace of the thread that opens it, so a setting's file is opened inside
 * of the domain, like the sockets; once open it belongs to that one for good.
 */
#include "connector/sys/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_in(const struct sys_domain *domain, const char *name, int flags)
{
	char path[128];
	int token, fd, err;

	if (snprintf(path, sizeof(path), "/proc/sys/%s", name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (sys_domain_enter(domain, &token))
		return -errno;
	fd = open(path, flags | O_CLOEXEC);
	err = errno;
	sys_domain_leave(token);
	return fd < 0 ? -err : fd;
}

int sysctl_get(const struct sys_domain *domain, const char *name, int *ret_value)
{
	int fd = open_in(domain, name, O_RDONLY), err = 0;
	char text[32] = "", *end;
	ssize_t n;
	long value;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	value = strtol(text, &end, 10);
	if (end == text)
		return -EINVAL;
	*ret_value = (int)value;
	return 0;
}

int sysctl_set(const struct sys_domain *domain, const char *name, int value)
{
	int fd = open_in(domain, name, O_WRONLY), err = 0, len;
	char text[32];

	if (fd < 0)
		return fd;
	len = snprintf(text, sizeof(text), "%d\n", value);
	if (write(fd, text, (size_t)len) != len)
		err = errno ? -errno : -EIO;
	close(fd);
	return err;
}
