/* SPDX-License-Identifier: Apache-2.0 */
/* The mirror from inside: what fib_writer_mirror.c (wishes and reports) and fib_writer_mirror_view.c
 * (questions) share. */
#ifndef CW_DAEMON_FIB_WRITER_MIRROR_H
#define CW_DAEMON_FIB_WRITER_MIRROR_H

#include "base/ptab.h"
#include "connector/daemon/fib_writer_internal.h"

struct wanted {              /* by one origin */
	struct wanted *next; /* lower origin */
	const struct fib_ways *ways;
	struct addr source;
	uint32_t metric; /* as it was asked for */
	enum fib_origin origin;
	enum fib_place place;
};

struct entry {
	struct entry *next;    /* same prefix, higher metric */
	uint32_t metric;       /* as the kernel counts */
	struct wanted *wanted; /* best first; never empty */
	uint32_t wish;
	uint16_t why;
	bool in_kernel;
};

struct record { /* of a prefix */
	union {
		struct {
			uint32_t set, wish;
		} plain;                /* one learned wish, with the usual metric and no source */
		unsigned char entry[8]; /* a pointer to the first entry, which need not be aligned here */
	};
	uint16_t why; /* of a plain one; 0: none */
	uint8_t place;
	bool rich;
};

struct why {
	unsigned refs;
	struct reason reason;
};

struct mirror {
	struct ptab *routes;
	struct ways_table *ways;
	const struct fib_ways **set; /* by number; [0] is not used */
	uint32_t n_sets, room_sets;
	struct why **why; /* by number; [0] is not used */
	uint16_t n_whys, last_why;
	unsigned n, n_in, n_failed;
	mirror_count *count;
	mirror_set_gone *set_gone;
	void *ctx;
};

struct entry *mirror_first_entry(const struct record *r);           /* of a rich one */
struct entry *mirror_find(const struct record *r, uint32_t metric); /* NULL: there is none, or it is plain */

#endif
