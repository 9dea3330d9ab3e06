/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time with units. An instant (`mtime`) counts nanoseconds on a monotonic clock whose zero means nothing;
 * a span (`mdur`) is the difference of two. Neither is a bare integer, so seconds never meet milliseconds
 * by accident. Cores receive `now`; only connector/sys reads a clock.
 */
#ifndef CW_BASE_MTIME_H
#define CW_BASE_MTIME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	int64_t ns;
} mtime;
typedef struct {
	int64_t ns;
} mdur;

#define MTIME_NEVER ((mtime){ INT64_MAX })
#define MDUR_ZERO   ((mdur){ 0 })

static inline mdur mdur_s(int64_t s)
{
	return (mdur){ s * 1000000000 };
}
static inline mdur mdur_ms(int64_t ms)
{
	return (mdur){ ms * 1000000 };
}
static inline mdur mdur_mul(mdur d, int64_t num, int64_t den)
{
	return (mdur){ d.ns / den * num + d.ns % den * num / den };
}
static inline int64_t mdur_to_ms(mdur d)
{
	return d.ns / 1000000;
}
static inline int64_t mdur_to_s(mdur d)
{
	return d.ns / 1000000000;
}
static inline bool mtime_is_never(mtime t)
{
	return t.ns == INT64_MAX;
}
/* NEVER plus anything stays NEVER, and what would lie beyond it is NEVER too. d may be negative. */
static inline mtime mtime_add(mtime t, mdur d)
{
	if (mtime_is_never(t) || (d.ns > 0 && t.ns > INT64_MAX - d.ns))
		return MTIME_NEVER;
	return (mtime){ t.ns + d.ns };
}
static inline mdur mtime_since(mtime later, mtime earlier)
{
	return (mdur){ later.ns - earlier.ns };
}
static inline bool mtime_reached(mtime deadline, mtime now)
{
	return deadline.ns <= now.ns;
}
static inline mtime mtime_min(mtime a, mtime b)
{
	return a.ns < b.ns ? a : b;
}
static inline mtime mtime_max(mtime a, mtime b)
{
	return a.ns > b.ns ? a : b;
}

#endif
