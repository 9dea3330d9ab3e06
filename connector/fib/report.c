/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of reports. Losing one for want of memory loses a notice, never a route. */
#include "connector/fib/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct fib_report *report_add(struct fib *f, enum fib_report_kind kind)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->r.kind = kind;
	list_append(&f->reports, &report->node);
	return &report->r;
}

bool fib_next_report(struct fib *f, struct fib_report *ret_report)
{
	struct report *report = list_first(&f->reports, struct report, node);

	free(f->last_route);
	f->last_route = NULL;
	if (!report)
		return false;
	list_remove(&report->node);
	*ret_report = report->r;
	f->last_route = report->r.route;
	free(report);
	return true;
}

/* One line for all that went since the last round: who flushes a table would otherwise get a million. */
void disturbed_settle(struct fib *f)
{
	struct fib_report *report;

	if (!f->n_disturbed || !(report = report_add(f, FIB_REPORT_DISTURBED)))
		return;
	reason_set(&report->why, "fib-disturbed", "route %s of ours was removed by something else",
	    prefix_str(&f->first_disturbed));
	if (f->n_disturbed > 1)
		reason_add(&report->why, " (and %zu more)", f->n_disturbed - 1);
	reason_add(&report->why, "; it is put back");
	f->n_disturbed = 0;
}

/* /etc/iproute2/rt_protos as everybody has it; RTPROT_* of linux/rtnetlink.h, which a pure core doesn't
 * include. */
const char *fib_protocol_name(uint8_t protocol, char *buf, size_t size)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {
		{ 1, "redirect" },
		{ 2, "kernel" },
		{ 3, "boot" },
		{ 4, "static" },
		{ 9, "ra" },
		{ 11, "zebra" },
		{ 12, "bird" },
		{ 16, "dhcp" },
		{ 18, "keepalived" },
		{ 186, "bgp" },
		{ 187, "isis" },
		{ 188, "ospf" },
		{ 189, "rip" },
		{ FIB_PROTOCOL, "causeway" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].protocol == protocol)
			return names[i].name;
	snprintf(buf, size, "%u", protocol);
	return buf;
}
