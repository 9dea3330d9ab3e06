/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records into files, by a thread of its own: who records never waits for a disk. Records are put as a whole
 * into a queue of fixed size; one that finds no room is dropped and counted, and so is what the disk refuses.
 * A file ends at a time or a size, always between two records, and the oldest go.
 *
 * A file's name may have %Y %m %d %H %M %S %s (the time it begins, UTC) and %% in its last part. Where a name
 * is there already, "-2" and so on is put behind it: nothing is ever overwritten. Files are readable for
 * their owner and group (0640). All calls from one thread.
 */
#ifndef CW_SYS_RECORDER_H
#define CW_SYS_RECORDER_H

#include "base/mtime.h"
#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define RECORDER_PATH_MAX    512
#define RECORDER_QUEUE_BYTES (16u << 20)
#define RECORDER_QUEUE_MAX   (128u << 10) /* records */

struct recorder;
struct recorder_config {
	char file[RECORDER_PATH_MAX];
	mdur rotate;           /* at multiples of it by the wall clock, UTC; 0: never */
	uint64_t rotate_bytes; /* before a record that would pass it; 0: never */
	unsigned keep;         /* files beside the one that is being written; 0: all */
};

/* NULL: no memory, threads or descriptors. */
struct recorder *recorder_new(const struct recorder_config *config);
/* What waits is written first. NULL is legal. */
void recorder_free(struct recorder *r);
void recorder_put(struct recorder *r, const uint8_t *record, size_t len);
/* Readable when something has begun to fail, or works again, until recorder_heard. */
int recorder_event_fd(const struct recorder *r);

struct recorder_view {
	char file[RECORDER_PATH_MAX + 8]; /* being written; "": none yet, or after an error */
	uint64_t records, bytes, files;   /* written, ever */
	uint64_t waiting;                 /* bytes */
	uint64_t dropped_full, dropped_failed;
	struct reason error; /* why nothing is written now; unset: it is */
};
void recorder_heard(struct recorder *r);
void recorder_view(struct recorder *r, struct recorder_view *ret_view);

#endif
