/* SPDX-License-Identifier: Apache-2.0 */
/* A speaker `a` (AS 65001, 10.0.0.10) and the test `x` as its peer (AS 65515, 10.100.255.254), byte by byte.
 */
#ifndef CW_TESTS_SUPPORT_BGP_LAB_H
#define CW_TESTS_SUPPORT_BGP_LAB_H

#include "tests/support/bgp_raw.h"

#define LAB_OURS   "10.0.0.10"
#define LAB_THEIRS "10.100.255.254"

/* Attributes of a sound route of AS 65515, and 10.200.0.0/16, 10.201.0.0/16. */
#define LAB_ORIGIN    "40 01 01 00 "
#define LAB_PATH      "40 02 06 02 01 0000ffeb "
#define LAB_NEXTHOP   "40 03 04 0a64fffe "
#define LAB_SOUND     LAB_ORIGIN LAB_PATH LAB_NEXTHOP
#define LAB_NET_200   "10 0ac8"
#define LAB_NET_201   "10 0ac9"
#define LAB_ROUTE_200 "10.200.0.0/16"
#define LAB_ROUTE_201 "10.201.0.0/16"
#define LAB_ROUTE_V6  "2001:db8:b::/48"
/* 2001:db8:b::/48, of IPv6 */
#define LAB_V6     LAB_ORIGIN LAB_PATH "80 0e 1c 0002 01 10 20010db8000b00000000000000000001 00 30 20010db8000b "
#define LAB_EOR_V6 "80 0f 03 0002 01"

struct lab {
	struct bnet *net;
	struct bnet_node *a, *x;
};

/* a's side of it: both families, and it waits for connections. */
struct bgp_peer_config lab_config(void);
struct lab lab_new(const struct bgp_peer_config *c);
/* What x says in its OPEN. */
struct open_msg lab_open(void);
/* x connects (a new connection, whatever stands), says OPEN and KEEPALIVE. */
void lab_establish(struct lab *l, const struct open_msg *o);
void lab_run_ms(struct lab *l, int64_t ms);
void lab_update(struct lab *l, const char *attrs, const char *nlri);
void lab_eor(struct lab *l, bool ipv6);

/* Graceful restart: x's OPEN says 60 s, and that it keeps both families; `notification` is RFC 8538's. */
struct open_msg lab_restarter(bool notification);
/* Established, with the three routes above and End-of-RIB of both families. */
struct lab lab_with_routes(const struct bgp_peer_config *c, const struct open_msg *o);
bool lab_all_there(const struct lab *l); /* at the daemon */
bool lab_none_there(const struct lab *l);
void lab_drop(struct lab *l); /* the connection breaks, and the session falls */

#endif
