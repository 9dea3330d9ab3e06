/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder of a tunnel (design section 1), in the words of somebody who looks at it. */
#include "connector/cli/status.h"

#include "connector/cli/fetch.h"

#include <string.h>

static const struct {
	const char *step, *awaits;
} ladder[] = {
	{ "down", "not started" },
	{ "connecting", "waiting for the gateway's first answer (UDP 500 and 4500 must pass both ways)" },
	{ "authenticating", "waiting for the gateway to accept our identity and key" },
	{ "child", "waiting for the first packet from the far side through the tunnel" },
	{ "passing", "traffic passes; the BGP session is being started" },
	{ "bgp-open", "waiting for the BGP peer to confirm the session" },
	{ "bgp-established", "waiting for the peer's routes to be in the kernel" },
};

const char *step_awaits(const char *step)
{
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++)
		if (!strcmp(ladder[i].step, step))
			return ladder[i].awaits;
	return "";
}

enum table_colour step_colour(const char *step, bool admin_up)
{
	if (!strcmp(step, "in-fib"))
		return TABLE_GOOD;
	if (!admin_up)
		return TABLE_DIM;
	return strcmp(step, "down") != 0 ? TABLE_WARN : TABLE_BAD;
}

bool reason_of(const json_t *obj, char *buf, size_t cap)
{
	const char *id = get_str(obj, "id"), *text = get_str(obj, "text");

	if (!json_is_object(obj) || (!*id && !*text))
		return false;
	if (*text && *id)
		snprintf(buf, cap, "%s (%s)", text, id);
	else
		snprintf(buf, cap, "%s", *text ? text : id);
	return true;
}

bool weak_text(const json_t *list, char *buf, size_t cap)
{
	const json_t *name;
	size_t i, n = 0;

	json_array_foreach(list, i, name) if (json_is_string(name) && n < cap) n +=
	    (size_t)snprintf(buf + n, cap - n, "%s%s", i ? ", " : "", json_string_value(name));
	if (n && n < cap)
		snprintf(buf + n, cap - n, " may be used: weak (allow-weak is on)");
	return n > 0;
}
