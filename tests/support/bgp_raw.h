/* SPDX-License-Identifier: Apache-2.0 */
/* The test plays a BGP speaker byte by byte, on a raw node of bgp_net. Hex texts may contain blanks. */
#ifndef CW_TESTS_SUPPORT_BGP_RAW_H
#define CW_TESTS_SUPPORT_BGP_RAW_H

#include "bgp/message.h"
#include "bgp/update.h"
#include "tests/support/bgp_net.h"

size_t raw_hex(const char *hex, uint8_t *out, size_t cap);
/* A capable OPEN: both families, refresh, 4-octet AS. */
struct open_msg raw_open_msg(uint32_t as, const char *router_id);
void raw_open(struct bnet *net, struct bnet_node *n, const struct open_msg *o);
void raw_keepalive(struct bnet *net, struct bnet_node *n);
void raw_notify(struct bnet *net, struct bnet_node *n, uint8_t code, uint8_t subcode);
/* A message of this type with a body given in hex. */
void raw_message(struct bnet *net, struct bnet_node *n, uint8_t type, const char *body_hex);
/* An UPDATE of its three parts, lengths added. */
void raw_update(struct bnet *net, struct bnet_node *n, const char *withdrawn_hex, const char *attrs_hex,
    const char *nlri_hex);
/* The index-th message of this type received: its body, false when there were not so many. */
bool raw_received(const struct bnet_node *n, uint8_t type, unsigned index, struct rd *ret_body);
unsigned raw_count(const struct bnet_node *n, uint8_t type);
/* The NOTIFICATION received: code << 8 | subcode; 0 for none. */
unsigned raw_notification(const struct bnet_node *n);

#endif
