/* SPDX-License-Identifier: Apache-2.0 */
/* A BGP speaker played by the test: what is sent is built from hex, what came is cut into messages again. */
#include "tests/support/bgp_raw.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

size_t raw_hex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;

	while (*hex) {
		unsigned v;

		if (isspace((unsigned char)*hex)) {
			hex++;
			continue;
		}
		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		assert_true(n < cap);
		out[n++] = (uint8_t)v;
		hex += 2;
	}
	return n;
}

struct open_msg raw_open_msg(uint32_t as, const char *router_id)
{
	struct addr id = bnet_addr(router_id);

	return (struct open_msg){
		.version = BGP_VERSION,
		.as2 = (uint16_t)(as > UINT16_MAX ? BGP_AS_TRANS : as),
		.hold_time = 90,
		.router_id = addr_to_v4(&id),
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true, true },
		    .route_refresh = true,
		    .four_octet_as = true,
		    .as = as },
	};
}

static void write_built(struct bnet *net, struct bnet_node *n, const struct wr *w)
{
	assert_true(wr_ok(w));
	bnet_raw_write(net, n, w->start, wr_len(w));
}

void raw_open(struct bnet *net, struct bnet_node *n, const struct open_msg *o)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	open_build(&w, o);
	write_built(net, n, &w);
}

void raw_keepalive(struct bnet *net, struct bnet_node *n)
{
	raw_message(net, n, BGP_MSG_KEEPALIVE, "");
}

void raw_notify(struct bnet *net, struct bnet_node *n, uint8_t code, uint8_t subcode)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	notification_build(&w, &(struct notify){ .code = code, .subcode = subcode });
	write_built(net, n, &w);
}

void raw_message(struct bnet *net, struct bnet_node *n, uint8_t type, const char *body_hex)
{
	uint8_t buf[BGP_MESSAGE_MAX], body[BGP_MESSAGE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t mark = message_begin(&w, (enum bgp_msg_type)type);

	wr_bytes(&w, body, raw_hex(body_hex, body, sizeof(body)));
	message_end(&w, mark);
	write_built(net, n, &w);
}

void raw_update(struct bnet *net, struct bnet_node *n, const char *withdrawn_hex, const char *attrs_hex,
    const char *nlri_hex)
{
	uint8_t buf[BGP_MESSAGE_MAX], part[BGP_MESSAGE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t mark = message_begin(&w, BGP_MSG_UPDATE), len;

	len = raw_hex(withdrawn_hex, part, sizeof(part));
	wr_u16(&w, (uint16_t)len);
	wr_bytes(&w, part, len);
	len = raw_hex(attrs_hex, part, sizeof(part));
	wr_u16(&w, (uint16_t)len);
	wr_bytes(&w, part, len);
	len = raw_hex(nlri_hex, part, sizeof(part));
	wr_bytes(&w, part, len);
	message_end(&w, mark);
	write_built(net, n, &w);
}

bool raw_received(const struct bnet_node *n, uint8_t type, unsigned index, struct rd *ret_body)
{
	struct rd r = rd_init(n->raw_in, n->raw_len);

	while (rd_left(&r) >= BGP_HEADER_LEN) {
		struct msg_header h;
		struct rd body;

		assert_int_equal(header_parse(&r, &h, NULL), 0);
		if (rd_left(&r) < (size_t)(h.len - BGP_HEADER_LEN))
			return false;
		body = rd_sub(&r, h.len - BGP_HEADER_LEN);
		if (h.type == type && index-- == 0) {
			*ret_body = body;
			return true;
		}
	}
	return false;
}

unsigned raw_count(const struct bnet_node *n, uint8_t type)
{
	struct rd body;
	unsigned i = 0;

	while (raw_received(n, type, i, &body))
		i++;
	return i;
}

unsigned raw_notification(const struct bnet_node *n)
{
	struct rd body;
	struct notification_msg m;

	if (!raw_received(n, BGP_MSG_NOTIFICATION, 0, &body))
		return 0;
	assert_int_equal(notification_parse(body, &m), 0);
	return (unsigned)m.code << 8 | m.subcode;
}
