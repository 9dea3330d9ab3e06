/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces for tests that need real sockets: made by the test, nameless, and gone with it. Nothing
 * here touches the namespace that the test was started in. Needs root.
 */
#ifndef CW_TEST_NETNS_H
#define CW_TEST_NETNS_H

/* A new, empty namespace with loopback up; the calling thread stays where it is. The descriptor, or -1 with
 * errno. */
int netns_new(void);
/* The calling thread goes there; netns_leave brings it back to where it was. */
int netns_enter(int netns_fd); /* a token for netns_leave, or -1 */
void netns_leave(int token);
/* Runs a shell command there (printf-style). Its exit status. */
int netns_run(int netns_fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Joins two namespaces by a veth pair, up, named name_a and name_b. 0, or -1. */
int netns_join(int a, const char *name_a, int b, const char *name_b);

#endif
