/* SPDX-License-Identifier: Apache-2.0 */
/* Log objects: format once, hand whole lines to a sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *log_level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR: return "error";
	case LOG_LEVEL_WARN: return "warn";
	case LOG_LEVEL_INFO: return "info";
	case LOG_LEVEL_DEBUG: return "debug";
	}
	return "?";
}

void log_line(const struct logger *log, enum log_level level, const char *subject, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (!log || !log->sink || level > log->max)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *p = line; *p; p++) /* what a peer sent must not forge a second line */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	log->sink(log->ctx, level, subject, line);
}

static void stderr_sink(void *ctx, enum log_level level, const char *subject, const char *line)
{
	static const char *const journal[] = { "<3>", "<4>", "<6>", "<7>" };
	char out[1200];
	int n = snprintf(out, sizeof(out), "%s%-5s %s: %s\n", ctx ? journal[level] : "",
	    log_level_name(level), subject, line);

	if (n >= (int)sizeof(out)) {
		n = sizeof(out) - 1;
		out[n - 1] = '\n';
	}
	if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
		return; /* nowhere left to say it */
}

struct logger log_stderr(enum log_level max)
{
	static char under_journal;

	return (struct logger){
		.sink = stderr_sink, .ctx = getenv("JOURNAL_STREAM") ? &under_journal : NULL, .max = max
	};
}
