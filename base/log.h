/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log objects. A logger is passed by argument to whoever may log (the daemon, mgmt, sys; never a pure core,
 * which returns reasons and reports instead). It writes whole lines through a sink; the sink decides where
 * to. Thread safe when its sink is (the stderr sink writes each line with one write(2)).
 */
#ifndef CW_BASE_LOG_H
#define CW_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct logger {
	void (*sink)(void *ctx, enum log_level level, const char *subject, const char *line);
	void *ctx;
	enum log_level max;
};

/* subject: what the line is about ("azure-hq/t1", "config", "fib"); it becomes the line's second word. */
void log_line(const struct logger *log, enum log_level level, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
const char *log_level_name(enum log_level level);
/* A logger on standard error: "<6>info  azure-hq/t1: text" (sd-daemon prefixes only under a journal). */
struct logger log_stderr(enum log_level max);

#define log_error(log, subject, ...) log_line(log, LOG_LEVEL_ERROR, subject, __VA_ARGS__)
#define log_warn(log, subject, ...)  log_line(log, LOG_LEVEL_WARN, subject, __VA_ARGS__)
#define log_info(log, subject, ...)  log_line(log, LOG_LEVEL_INFO, subject, __VA_ARGS__)
#define log_debug(log, subject, ...) log_line(log, LOG_LEVEL_DEBUG, subject, __VA_ARGS__)

#endif
