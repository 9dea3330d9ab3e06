/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a recorder, for its thread: opened, written between records, ended, and the oldest removed. */
#ifndef CW_SYS_RECORD_FILES_H
#define CW_SYS_RECORD_FILES_H

#include "connector/sys/recorder.h"

#include <time.h>

struct record_files {
	struct recorder_config config;
	int fd;                           /* -1: none */
	char name[RECORDER_PATH_MAX + 8]; /* "" likewise */
	uint64_t bytes;                   /* in it */
	time_t until;                     /* by the wall clock; 0: for ever */
	uint64_t files;                   /* opened, ever */
};

/* data: n whole records of these lengths. How many were written; fewer than n: with a reason, and the file
 * ends behind the last whole one. */
size_t record_files_write(
    struct record_files *f, const uint8_t *data, const uint32_t len[], size_t n, struct reason *ret_reason);
/* Ends the file whose time is over. */
void record_files_tick(struct record_files *f, time_t now);
void record_files_close(struct record_files *f);

#endif
