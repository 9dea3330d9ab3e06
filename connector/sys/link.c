/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces by netlink, ioctl and /proc/sys, in that order of preference. */
#include "connector/sys/link.h"

#include "connector/sys/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct holder_search {
	const struct addr *addr;
	struct link_holder *out;
	int max, n;
};

static void on_addr(void *ctx, const struct rtnl_msg *msg)
{
	struct holder_search *s = ctx;

	if (msg->kind == RTNL_ADDR && s->n < s->max && addr_eq(&msg->addr.addr, s->addr))
		s->out[s->n++].ifindex = msg->addr.ifindex;
}

int link_addr_holders(const struct sys_domain *d, const struct addr *a, struct link_holder *out, int max)
{
	struct holder_search s = { .addr = a, .out = out, .max = max };
	struct rtnl *r = rtnl_open(d, NULL);
	int token, err;

	if (!r)
		return -errno;
	err = rtnl_dump(r, RTNL_ADDR, 0, on_addr, &s);
	rtnl_close(r);
	if (err < 0)
		return err;
	if (sys_domain_enter(d, &token))
		return -errno;
	for (int i = 0; i < s.n; i++)
		if (!if_indextoname((unsigned)out[i].ifindex, out[i].interface))
			snprintf(out[i].interface, sizeof(out[i].interface), "#%d", out[i].ifindex);
	sys_domain_leave(token);
	return s.n;
}

struct addr_result {
	int err;
	char text[160];
};

static void on_result(void *ctx, size_t tag, int err, const char *text)
{
	struct addr_result *res = ctx;

	(void)tag;
	res->err = err;
	snprintf(res->text, sizeof(res->text), "%s", text);
}

static void change_addr(const struct sys_domain *d, int ifindex, const struct prefix *p, enum rtnl_how how, struct addr_result *res)
{
	struct rtnl_addr a = { .ifindex = ifindex, .addr = p->addr, .network = prefix_canonical(*p) };
	struct rtnl *r = rtnl_open(d, NULL);
	struct rtnl_batch *b = rtnl_batch_new();
	int err = -ENOMEM;

	*res = (struct addr_result){ .err = -EIO };
	if (r && b)
		err = rtnl_batch_addr(b, 0, how, &a);
	if (!err)
		err = rtnl_exec(r, b, on_result, res);
	if (err)
		res->err = err;
	rtnl_batch_free(b);
	rtnl_close(r);
}

int link_addr_add(const struct sys_domain *d, int ifindex, const struct prefix *p, struct reason *ret_reason)
{
	struct addr_result res;

	change_addr(d, ifindex, p, RTNL_CREATE, &res);
	if (!res.err || res.err == -EEXIST)
		return 0;
	return reason_set(ret_reason, "inside-address-failed", "the kernel refuses address %s on interface %d: %s%s%s", prefix_str(p),
		ifindex, strerror(-res.err), res.text[0] ? ": " : "", res.text);
}

void link_addr_del(const struct sys_domain *d, int ifindex, const struct prefix *p)
{
	struct addr_result res;

	change_addr(d, ifindex, p, RTNL_DELETE, &res);
}

int link_set_mtu(const struct sys_domain *d, int ifindex, uint32_t mtu, struct reason *ret_reason)
{
	struct ifreq ifr = { .ifr_mtu = (int)mtu };
	int token, fd, err = 0;

	if (sys_domain_enter(d, &token))
		return reason_set(ret_reason, "domain-unreachable", "cannot enter routing domain %s: %s", d->name, strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !if_indextoname((unsigned)ifindex, ifr.ifr_name) || ioctl(fd, SIOCSIFMTU, &ifr))
		err = errno;
	if (fd >= 0)
		close(fd);
	sys_domain_leave(token);
	return err ? reason_set(ret_reason, "interface-mtu", "cannot set MTU %u on interface %d: %s", mtu, ifindex, strerror(err)) : 0;
}

static void set_sysctl(const char *family, const char *interface, const char *name, const char *value)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* a kernel without that family or setting */
	if (write(fd, value, strlen(value)) < 0)
		(void)errno; /* best effort, as the header says */
	close(fd);
}

void link_quieten(const struct sys_domain *d, const char *interface)
{
	int token;

	if (sys_domain_enter(d, &token))
		return;
	set_sysctl("ipv4", interface, "rp_filter", "2");
	set_sysctl("ipv6", interface, "addr_gen_mode", "1");
	set_sysctl("ipv6", interface, "accept_ra", "0");
	set_sysctl("ipv6", interface, "router_solicitations", "0");
	sys_domain_leave(token);
}
