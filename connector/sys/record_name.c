/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern's conversions each stand for a fixed number of digits, but for %s, which takes as many as there
 * are. */
#include "connector/sys/record_name.h"

#include <stdio.h>
#include <string.h>

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* How many digits a conversion stands for; 0: any number of them, -1: it is none of digits. */
static int digits_of(char conversion)
{
	switch (conversion) {
	case 'Y': return 4;
	case 'm':
	case 'd':
	case 'H':
	case 'M':
	case 'S': return 2;
	case 's': return 0;
	}
	return -1;
}

static bool take_digits(const char **name, int n)
{
	int seen = 0;

	while (**name >= '0' && **name <= '9' && (n == 0 || seen < n)) {
		++*name;
		seen++;
	}
	return n ? seen == n : seen > 0;
}

bool record_name_matches(const char *pattern, const char *name)
{
	for (const char *p = last_part(pattern); *p; p++) {
		int digits = *p == '%' ? digits_of(p[1]) : -1;

		if (digits >= 0) {
			if (!take_digits(&name, digits))
				return false;
			p++;
			continue;
		}
		if (*p == '%') /* %% */
			p++;
		if (!*p || *p != *name++)
			return false;
	}
	if (!*name)
		return true;
	return *name++ == '-' && *name && strspn(name, "0123456789") == strlen(name);
}

/* What a conversion stands for at this time. */
static long long value_of(char conversion, const struct tm *tm, time_t at)
{
	switch (conversion) {
	case 'Y': return tm->tm_year + 1900;
	case 'm': return tm->tm_mon + 1;
	case 'd': return tm->tm_mday;
	case 'H': return tm->tm_hour;
	case 'M': return tm->tm_min;
	case 'S': return tm->tm_sec;
	}
	return at;
}

int record_name(const char *pattern, time_t at, unsigned n, char *ret_name, size_t cap)
{
	const char *part = last_part(pattern);
	struct tm tm;
	size_t len = 0;
	int more = 0;

	if (!gmtime_r(&at, &tm))
		return -1;
	for (const char *p = pattern; *p; p++) {
		int digits = p >= part && *p == '%' ? digits_of(p[1]) : -1;

		if (digits >= 0)
			more = snprintf(ret_name + len, cap - len, "%0*lld", digits, value_of(*++p, &tm, at));
		else
			more = snprintf(ret_name + len, cap - len, "%c", *p == '%' && p[1] ? *++p : *p);
		if (more < 0 || (size_t)more >= cap - len)
			return -1;
		len += (size_t)more;
	}
	more = n > 1 ? snprintf(ret_name + len, cap - len, "-%u", n) : 0;
	return more >= 0 && (size_t)more < cap - len ? 0 : -1;
}
