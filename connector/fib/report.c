/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of reports. Losing one for want of memory loses a notice, never a route. */
#include "connector/fib/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define TOLD_ROOM 64   /* reports of routes, at first */
#define TOLD_KEPT 8192 /* room that stays when it is empty; a round gives fewer */

struct fib_report *report_add(struct fib *f, enum fib_report_kind kind)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->r.kind = kind;
	report->after = f->told_ever;
	list_append(&f->reports, &report->node);
	return &report->r;
}

static int make_room(struct fib *f)
{
	size_t room = f->room_told ? f->room_told * 2 : TOLD_ROOM;
	struct told_route *more;

	if (f->n_told < f->room_told)
		return 0;
	more = malloc(room * sizeof(*more));
	if (!more)
		return -1;
	for (size_t i = 0; i < f->n_told; i++)
		more[i] = f->told[(f->told_at + i) % f->room_told];
	free(f->told);
	f->told = more;
	f->told_at = 0;
	f->room_told = room;
	return 0;
}

void report_route(struct fib *f, const struct told_route *told, const struct reason *why)
{
	struct told_route *t;

	if (make_room(f) < 0)
		return;
	t = &f->told[(f->told_at + f->n_told) % f->room_told];
	*t = *told;
	t->why = why ? malloc(sizeof(*why)) : NULL;
	if (t->why)
		*t->why = *why;
	f->n_told++;
	f->told_ever++;
}

/* The oldest report of a route. */
static void take_told(struct fib *f, struct fib_report *r)
{
	const struct told_route *t = &f->told[f->told_at];

	r->kind = FIB_REPORT_ROUTE;
	r->route = NULL;
	r->prefix = t->prefix;
	r->metric = t->metric;
	r->origin = (enum fib_origin)t->origin;
	r->wish = t->wish;
	r->in_kernel = t->in_kernel;
	r->wanted = t->wanted;
	if (t->why)
		r->why = *t->why;
	else
		r->why.id[0] = r->why.text[0] = '\0';
	free(t->why);
	f->told_at = (f->told_at + 1) % f->room_told;
	if (--f->n_told == 0 && f->room_told > TOLD_KEPT) {
		free(f->told);
		f->told = NULL;
		f->room_told = f->told_at = 0;
	}
}

bool fib_next_report(struct fib *f, struct fib_report *ret_report)
{
	struct report *report = list_first(&f->reports, struct report, node);

	free(f->last_route);
	f->last_route = NULL;
	if (f->n_told && (!report || report->after > f->told_ever - f->n_told)) {
		take_told(f, ret_report);
		return true;
	}
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
