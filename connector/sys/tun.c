/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a TUN device, by ioctl; its settings are link_settings.c's.
 */
#include "connector/sys/tun.h"

#include "connector/sys/link_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_DEVICE "/dev/net/tun"
/* Packets that wait for the worker. With the kernel's 500, a worker that a busy machine keeps waiting for 50
 * ms loses some at 10,000 a second; it reads faster than that, so no standing queue comes of more. */
#define QUEUE 4096

static int create(const char *name, uint32_t mtu, struct tun *ret_tun)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL };
	struct tun t = { .fd = -1 };
	int err = 0;

	if (!name[0] || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	if (if_nametoindex(name))
		return -EEXIST;
	t.fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t.fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strlen(name));
	memcpy(t.name, name, strlen(name));
	if (ioctl(t.fd, TUNSETIFF, &ifr) < 0)
		err = errno == EBUSY ? -EEXIST : -errno;
	if (!err && !(t.ifindex = (int)if_nametoindex(name)))
		err = -errno;
	if (!err)
		err = link_settings_up(t.ifindex, mtu, QUEUE);
	if (err) {
		tun_close(&t);
		return err;
	}
	*ret_tun = t;
	return 0;
}

int tun_open(const struct sys_domain *domain, const char *name, uint32_t mtu, struct tun *ret_tun)
{
	int token, err;

	if (sys_domain_enter(domain, &token) < 0)
		return -errno;
	err = create(name, mtu, ret_tun);
	sys_domain_leave(token);
	return err;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}
