/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One setting of the kernel's, ours only as long as we changed it: where it was 0 already, it stays 0 after
 * us; and where somebody else has set it since, to what we would put back, nothing is done. After kill -9 it
 * is 0 and stays so, like the admin's own.
 */
#include "connector/daemon/nexthop_compat.h"

#include "base/reason.h"
#include "connector/sys/sysctl.h"

#include <string.h>

#define SETTING "net/ipv4/nexthop_compat_mode"

static void say(const struct logger *log, const struct reason *why)
{
	log_warn(log, "fib", "%s: %s", why->id, why->text);
}

static void put_back(struct nexthop_compat *c, const struct sys_domain *domain, const struct logger *log)
{
	struct reason why;
	int err;

	if (!c->changed)
		return;
	c->changed = false;
	err = sysctl_set(domain, SETTING, 1);
	if (!err)
		return;
	reason_set(&why, "nexthop-compat-left",
	    "net.ipv4.nexthop_compat_mode stays 0, for the kernel refuses the 1 that it had before: %s",
	    strerror(-err));
	say(log, &why);
}

void nexthop_compat_apply(
    struct nexthop_compat *c, const struct sys_domain *domain, const struct logger *log, bool off)
{
	struct reason why;
	int now = 0, err;

	if (!off) {
		put_back(c, domain, log);
		c->refused = false;
		return;
	}
	err = sysctl_get(domain, SETTING, &now);
	if (!err && now) {
		err = sysctl_set(domain, SETTING, 0);
		c->changed = !err;
	}
	if (err && !c->refused) {
		reason_set(&why, "nexthop-compat-refused",
		    "net.ipv4.nexthop_compat_mode can't be set to 0 (%s), so the loss of a tunnel under many "
		    "routes takes the kernel longer; allow writing to /proc/sys/net, or leave out "
		    "\"nexthop-compat\"",
		    strerror(-err));
		say(log, &why);
	}
	c->refused = err != 0;
}
