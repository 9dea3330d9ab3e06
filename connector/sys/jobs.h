/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads for slow computations (key exchange, signatures): the control thread puts jobs in, workers
 * run them, and the finished ones come back on the control thread in any order. A job may touch nothing but
 * itself.
 */
#ifndef CW_SYS_JOBS_H
#define CW_SYS_JOBS_H

struct jobs;

/* run is called on a worker, done on the control thread (by jobs_dispatch). NULL: no threads, memory or
 * descriptors. */
struct jobs *jobs_new(
    unsigned threads, void (*run)(void *job), void (*done)(void *ctx, void *job), void *ctx);
/* Waits for the jobs that run; those waiting or finished are given to `drop`. */
void jobs_free(struct jobs *j, void (*drop)(void *job));
/* -1: out of memory; the job stays the caller's. */
int jobs_put(struct jobs *j, void *job);
/* Readable when a job has finished. */
int jobs_event_fd(const struct jobs *j);
void jobs_dispatch(struct jobs *j);

#endif
