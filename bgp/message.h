/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message header, OPEN, NOTIFICATION, KEEPALIVE and ROUTE-REFRESH as typed views (RFC
 * 4271 4.1, 4.2, 4.4, 4.5, RFC 2918). Parsers take the bytes of one message body and report faults as data,
 * ready to be sent as a NOTIFICATION; builders write whole messages into a cursor. UPDATE lives in update.h.
 */
#ifndef CW_BGP_MESSAGE_H
#define CW_BGP_MESSAGE_H

#include "base/cursor.h"
#include "base/reason.h"
#include "bgp/capability.h"
#include "bgp/wire.h"

#include <stddef.h>

#define NOTIFY_DATA_MAX   (BGP_MESSAGE_MAX - BGP_NOTIFY_MIN) /* bytes of data we send along with an error */
#define SHUTDOWN_TEXT_MAX 255                                /* octets of UTF-8 (RFC 9003) */

/* What goes into a NOTIFICATION, and why, for people. */
struct notify {
	uint8_t code, subcode;
	uint8_t data[NOTIFY_DATA_MAX];
	size_t data_len;
	struct reason why;
};
/* Fills n (which may be NULL) and returns -1. data may be NULL; it is cut to NOTIFY_DATA_MAX. */
int notify_set(struct notify *n, uint8_t code, uint8_t subcode, const void *data, size_t len, const char *fmt,
    ...) __attribute__((format(printf, 6, 7)));
/* Cease / maximum number of prefixes: the family and how many it may have (RFC 4486 4). */
void notify_prefix_limit(struct notify *n, enum bgp_family family, uint32_t limit);
/* The words with a shutdown or reset (RFC 9003): UTF-8 of at most SHUTDOWN_TEXT_MAX octets, else -1. */
int notify_shutdown_text(struct notify *n, const char *text);
/* Wraps what is in n into a Hard Reset (RFC 8538 3.1): the peer is to keep nothing for us. */
void notify_hard_reset(struct notify *n);
/* "Cease / Administrative Shutdown"; static text. */
const char *notify_code_name(uint8_t code);
const char *notify_subcode_name(uint8_t code, uint8_t subcode); /* "" when the number says nothing */

struct msg_header {
	uint16_t len; /* of the whole message */
	uint8_t type;
};
/* Reads BGP_HEADER_LEN bytes from r. -1 with the NOTIFICATION to send (RFC 4271 6.1). `max`: what a message
 * may be long, BGP_MESSAGE_MAX or, where we said that we take them, BGP_EXTENDED_MAX (RFC 8654 4). How long a
 * ROUTE-REFRESH must be is refresh_parse's to say, whose fault has a code of its own (RFC 7313 5). */
int header_parse_within(struct rd *r, uint16_t max, struct msg_header *ret_header, struct notify *ret_notify);
int header_parse(struct rd *r, struct msg_header *ret_header, struct notify *ret_notify);

struct open_msg {
	uint8_t version;
	uint16_t as2;       /* the field of the fixed part */
	uint16_t hold_time; /* seconds */
	uint32_t router_id; /* host order */
	struct capabilities caps;
};
/* The sender's AS number: of the 4-octet capability where there is one (RFC 6793). */
uint32_t open_as(const struct open_msg *o);
/* Syntax alone, and what RFC 4271 6.2 lets us judge without knowing the peer. */
int open_parse(struct rd body, struct open_msg *ret_open, struct notify *ret_notify);
void open_build(struct wr *w, const struct open_msg *o);

struct notification_msg {
	uint8_t code, subcode;
	const uint8_t *data; /* into the message */
	size_t data_len;
};
int notification_parse(struct rd body, struct notification_msg *ret_msg);
void notification_build(struct wr *w, const struct notify *n);
/* Does it end the session alone (RFC 8538), or also what graceful restart would keep? */
bool notification_is_hard(uint8_t code, uint8_t subcode);
/* "Cease / Administrative Shutdown: text", in words; a shutdown communication (RFC 9003) is made printable,
 * and what a Hard Reset carries is told. */
void notification_describe(const struct notification_msg *m, struct reason *ret_reason);

void keepalive_build(struct wr *w);

struct refresh_msg {
	uint16_t afi;
	uint8_t subtype, safi;
};
/* -1 with the NOTIFICATION to send; `enhanced`: both sides know RFC 7313. */
int refresh_parse(struct rd body, bool enhanced, struct refresh_msg *ret_msg, struct notify *ret_notify);
void refresh_build(struct wr *w, const struct refresh_msg *m);

/* Header with the length left open; message_end sets it. */
size_t message_begin(struct wr *w, enum bgp_msg_type type);
void message_end(struct wr *w, size_t mark);

#endif
