/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the kernel, as if it came from somebody else: netlink messages of routes and of XFRM, and,
 * over a socket pair, the datagrams that echo replies are read from, which anybody on the way can write. The
 * first octet chooses; netlink messages then stand one behind the other as in a socket's buffer.
 */
#include "connector/sys/echo.h"
#include "connector/sys/rtnl.h"
#include "connector/sys/xfrm.h"

#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void netlink(const uint8_t *data, size_t size)
{
	/* Of its own size, so that a read behind the end is seen. */
	uint8_t *buf = malloc(size ? size : 1);
	int left = (int)size;

	if (!buf)
		abort();
	memcpy(buf, data, size);
	/* libmnl takes a length of 2 GB and more for a negative one; only the kernel's own messages get here.
	 */
	for (const struct nlmsghdr *nlh = (const void *)buf;
	     mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left; nlh = mnl_nlmsg_next(nlh, &left)) {
		struct xfrm_event e;
		struct rtnl_msg m;

		(void)xfrm_parse(nlh, &e);
		(void)rtnl_parse(nlh, &m);
	}
	free(buf);
}

/* Without the kernel's filter, so that what it keeps away is seen, too. */
static void echo(uint8_t family, const uint8_t *data, size_t size)
{
	struct echo_socket s = { .family = family, .id = 8 };
	struct echo e;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd))
		abort();
	if (send(fd[0], data, size, MSG_DONTWAIT) < 0)
		abort();
	s.fd = fd[1];
	while (echo_receive(&s, &e))
		if (e.channel >= ECHO_CHANNELS)
			abort();
	close(fd[0]);
	close(fd[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > 65536)
		return 0;
	if (data[0] % 4 < 2)
		netlink(data + 1, size - 1);
	else
		echo(data[0] % 4 == 2 ? 4 : 6, data + 1, size - 1);
	return 0;
}
