/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's settings of a network namespace: numbers below /proc/sys. */
#ifndef CW_SYS_SYSCTL_H
#define CW_SYS_SYSCTL_H

#include "connector/sys/domain.h"

/*
 * `name` as in /proc/sys, with slashes: "net/ipv4/ip_forward". Both return 0 or -errno: -ENOENT where this
 * kernel has no such setting, -EROFS where /proc/sys can't be written, as in many containers.
 */
int sysctl_get(const struct sys_domain *domain, const char *name, int *ret_value);
int sysctl_set(const struct sys_domain *domain, const char *name, int value);

#endif
