/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BMP (RFC 7854): each configured station is told of all sessions and of every route as received (Adj-RIB-In
 * before policy), as used (after policy), or both. A station that reads too slowly, so that 4 MiB wait for
 * it, is cut and told all again when it is back; nobody ever waits for one. Control thread only.
 */
#ifndef CW_DAEMON_BMP_EXEC_H
#define CW_DAEMON_BMP_EXEC_H

#include "connector/daemon/domain.h"

struct bmp;

struct bmp *bmp_new(struct domain *d);
/* Tells the stations that this is the end (Termination). */
void bmp_free(struct bmp *b);
/* The stations of this configuration from now on; those that stay are not touched. */
void bmp_configure(struct bmp *b, const struct cfg *cfg);
/* With each pump: have the rules changed what is used? */
void bmp_look(struct bmp *b);

#endif
