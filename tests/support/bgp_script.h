/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three BGP speakers (an edge `a`, its cloud gateway `b` over a tunnel, a router `c` of its LAN) under a
 * script: a list of operations of two octets each (which one, and its argument) on the speakers, their
 * configuration and the network between them. Whatever came before, on a network that behaves the sessions
 * stand again, and then
 *
 * - what each speaker has told a peer is what that peer has received from it, attribute by attribute,
 * - what each speaker has told its daemon (ROUTE actions) is what its Loc-RIB shows,
 * - the counters of the views are the numbers of rows,
 *
 * and nothing is left in the tables when the peers and networks are taken out. Used with random scripts by
 * tests/exchange/bgp_script_test.c, with searched ones by tests/fuzz/bgp_pair_fuzz.c.
 */
#ifndef CW_TESTS_SUPPORT_BGP_SCRIPT_H
#define CW_TESTS_SUPPORT_BGP_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define BGP_SCRIPT_HEAD    4  /* octets of terms, and then two an operation */
#define BGP_SCRIPT_OPS_MAX 80 /* what follows is ignored */

/* Fails the test (cmocka) when something does not hold. */
void bgp_script_run(const uint8_t *script, size_t size);

#endif
