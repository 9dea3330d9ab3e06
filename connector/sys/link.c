/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and addresses: netlink for addresses, ioctl for names and MTU, /proc/sys for the rest.
 */
#include "connector/sys/link.h"
#include "connector/sys/rtnl.h"
#include "connector/sys/sysctl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int link_forwarding(const struct sys_domain *domain, uint8_t family)
{
	const char *name = family == 6 ? "net/ipv6/conf/all/forwarding" : "net/ipv4/ip_forward";
	int value = 0, err = sysctl_get(domain, name, &value);

	return err ? err : value != 0;
}

/* ---- ioctl ---- */

static int ioctl_in(const struct sys_domain *domain, unsigned long request, struct ifreq *ifr)
{
	int fd = sys_domain_socket(domain, AF_INET, SOCK_DGRAM, 0), err = 0;

	if (fd < 0)
		return fd;
	if (ioctl(fd, request, ifr))
		err = -errno;
	close(fd);
	return err;
}

int link_name(const struct sys_domain *domain, int ifindex, char ret_name[IFNAMSIZ])
{
	struct ifreq ifr = { .ifr_ifindex = ifindex };
	int err = ioctl_in(domain, SIOCGIFNAME, &ifr);

	if (!err)
		snprintf(ret_name, IFNAMSIZ, "%s", ifr.ifr_name);
	return err;
}

int link_raise(const struct sys_domain *domain, int ifindex)
{
	struct ifreq ifr = { 0 };
	int err = link_name(domain, ifindex, ifr.ifr_name);

	if (!err)
		err = ioctl_in(domain, SIOCGIFFLAGS, &ifr);
	if (err || (ifr.ifr_flags & IFF_UP))
		return err;
	ifr.ifr_flags |= IFF_UP;
	err = ioctl_in(domain, SIOCSIFFLAGS, &ifr);
	return err ? err : 1;
}

uint32_t link_mtu(const struct sys_domain *domain, int ifindex)
{
	struct ifreq ifr = { 0 };

	if (link_name(domain, ifindex, ifr.ifr_name) || ioctl_in(domain, SIOCGIFMTU, &ifr))
		return 0;
	return ifr.ifr_mtu > 0 ? (uint32_t)ifr.ifr_mtu : 0;
}

int link_set_mtu(const struct sys_domain *domain, int ifindex, uint32_t mtu, struct reason *ret_reason)
{
	struct ifreq ifr = { 0 };
	int err = link_name(domain, ifindex, ifr.ifr_name);

	ifr.ifr_mtu = (int)mtu;
	if (!err)
		err = ioctl_in(domain, SIOCSIFMTU, &ifr);
	if (!err)
		return 0;
	return reason_set(ret_reason, "interface-mtu", "cannot set the MTU of interface %d to %u: %s",
	    ifindex, mtu, strerror(-err));
}

/* ---- addresses ---- */

struct search {
	const struct addr *a;
	struct link_holder *out;
	int n, max;
};

static void match_addr(void *ctx, const struct rtnl_msg *msg)
{
	struct search *s = ctx;

	if (msg->kind != RTNL_ADDR || !addr_eq(&msg->addr.addr, s->a) || s->n == s->max)
		return;
	s->out[s->n++] = (struct link_holder){ .ifindex = msg->addr.ifindex };
}

int link_addr_holders(
    const struct sys_domain *domain, const struct addr *a, struct link_holder out[], size_t max)
{
	struct search s = { .a = a, .out = out, .max = (int)max };
	struct rtnl *r = rtnl_open(domain, NULL);
	int err;

	if (!r)
		return -EIO;
	do { /* an interrupted dump may have missed it */
		s.n = 0;
		err = rtnl_dump(r, RTNL_ADDR, 0, match_addr, &s);
	} while (err == RTNL_INTERRUPTED);
	rtnl_close(r);
	if (err < 0)
		return err;
	for (int i = 0; i < s.n; i++)
		if (link_name(domain, out[i].ifindex, out[i].interface))
			snprintf(
			    out[i].interface, sizeof(out[i].interface), "if%d", out[i].ifindex % 1000000);
	return s.n;
}

struct outcome {
	int err;
	char text[128];
};

static void take_outcome(void *ctx, size_t tag, int err, const char *text)
{
	struct outcome *o = ctx;

	(void)tag;
	o->err = err;
	snprintf(o->text, sizeof(o->text), "%s", text);
}

static void change_addr(const struct sys_domain *domain, enum rtnl_how how, int ifindex,
    const struct prefix *address, struct outcome *ret_outcome)
{
	const struct rtnl_addr change = { .ifindex = ifindex,
		.addr = address->addr,
		.network = *address,
		.scope = RT_SCOPE_UNIVERSE,
		.flags = address->addr.family == 6 ? IFA_F_NODAD : 0 };
	struct rtnl *r = rtnl_open(domain, NULL);
	struct rtnl_batch *b = rtnl_batch_new();
	int err = r && b ? rtnl_batch_addr(b, 0, how, &change) : -EIO;

	if (!err)
		err = rtnl_exec(r, b, take_outcome, ret_outcome);
	if (err)
		ret_outcome->err = err;
	rtnl_batch_free(b);
	rtnl_close(r);
}

int link_addr_add(
    const struct sys_domain *domain, int ifindex, const struct prefix *address, struct reason *ret_reason)
{
	struct outcome o = { 0 };

	change_addr(domain, RTNL_CREATE, ifindex, address, &o);
	if (!o.err || o.err == -EEXIST)
		return 0;
	return reason_set(ret_reason, "interface-address", "cannot put address %s/%u on interface %d: %s%s%s",
	    addr_str(&address->addr), address->len, ifindex, strerror(-o.err), o.text[0] ? ": " : "", o.text);
}

void link_addr_del(const struct sys_domain *domain, int ifindex, const struct prefix *address)
{
	struct outcome o = { 0 };

	change_addr(
	    domain, RTNL_DELETE, ifindex, address, &o); /* it may be gone already, with its interface */
}
