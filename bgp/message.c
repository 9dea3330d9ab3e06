/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codecs of all messages but UPDATE. A parser fills a typed view or, on failure, the NOTIFICATION that
 * RFC 4271 section 6.1 and 6.2 ask for; it touches no session. Whether the peer is the right one (its AS, its
 * identifier) is the session's question, not ours.
 */
#include "bgp/message.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int notify_set(
    struct notify *n, uint8_t code, uint8_t subcode, const void *data, size_t len, const char *fmt, ...)
{
	char text[sizeof(n->why.text)];
	va_list ap;

	if (!n)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->code = code;
	n->subcode = subcode;
	n->data_len = !data ? 0 : len < NOTIFY_DATA_MAX ? len : NOTIFY_DATA_MAX;
	if (n->data_len)
		memcpy(n->data, data, n->data_len);
	return reason_set(&n->why, "bgp-protocol-error", "%s", text);
}

void notify_prefix_limit(struct notify *n, enum bgp_family family, uint32_t limit)
{
	struct wr w = wr_init(n->data, sizeof(n->data));

	n->code = BGP_ERR_CEASE;
	n->subcode = BGP_CEASE_MAX_PREFIXES;
	wr_u16(&w, family == BGP_IPV4 ? BGP_AFI_IPV4 : BGP_AFI_IPV6);
	wr_u8(&w, BGP_SAFI_UNICAST);
	wr_u32(&w, limit);
	n->data_len = wr_len(&w);
}

int notify_shutdown_text(struct notify *n, const char *text)
{
	size_t len = strlen(text);
	uint8_t *at = n->data;

	if (len > SHUTDOWN_TEXT_MAX || !utf8_valid(text, len))
		return -1;
	at[0] = (uint8_t)len;
	memcpy(&at[1], text, len);
	n->data_len = 1 + len;
	return 0;
}

void notify_hard_reset(struct notify *n)
{
	size_t len = n->data_len < NOTIFY_DATA_MAX - 2 ? n->data_len : NOTIFY_DATA_MAX - 2;

	memmove(&n->data[2], n->data, len);
	n->data[0] = n->code;
	n->data[1] = n->subcode;
	n->data_len = len + 2;
	n->code = BGP_ERR_CEASE;
	n->subcode = BGP_CEASE_HARD_RESET;
}

static int notify_u16(struct notify *n, uint8_t code, uint8_t subcode, uint16_t value, const char *text)
{
	uint8_t data[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	return notify_set(n, code, subcode, data, sizeof(data), "%s %u", text, value);
}

/* --- names --- */
const char *notify_code_name(uint8_t code)
{
	static const char *const name[] = { "Error 0", "Message Header Error", "OPEN Message Error",
		"UPDATE Message Error", "Hold Timer Expired", "Finite State Machine Error", "Cease",
		"ROUTE-REFRESH Message Error", "Send Hold Timer Expired" };

	return code < sizeof(name) / sizeof(name[0]) ? name[code] : "Unknown Error";
}

static const struct {
	uint8_t code, subcode;
	const char *name;
} subcode_names[] = {
	{ BGP_ERR_HEADER, BGP_HEADER_NOT_SYNC, "Connection Not Synchronized" },
	{ BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, "Bad Message Length" },
	{ BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE, "Bad Message Type" },
	{ BGP_ERR_OPEN, BGP_OPEN_VERSION, "Unsupported Version Number" },
	{ BGP_ERR_OPEN, BGP_OPEN_PEER_AS, "Bad Peer AS" },
	{ BGP_ERR_OPEN, BGP_OPEN_BGP_ID, "Bad BGP Identifier" },
	{ BGP_ERR_OPEN, BGP_OPEN_OPT_PARAM, "Unsupported Optional Parameter" },
	{ BGP_ERR_OPEN, BGP_OPEN_HOLD_TIME, "Unacceptable Hold Time" },
	{ BGP_ERR_OPEN, BGP_OPEN_CAPABILITY, "Unsupported Capability" },
	{ BGP_ERR_OPEN, BGP_OPEN_ROLE, "Role Mismatch" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_ATTR_LIST, "Malformed Attribute List" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_UNKNOWN_WELL_KNOWN, "Unrecognized Well-known Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_MISSING, "Missing Well-known Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_FLAGS, "Attribute Flags Error" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_LENGTH, "Attribute Length Error" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_ORIGIN, "Invalid ORIGIN Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_NEXT_HOP, "Invalid NEXT_HOP Attribute" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_OPTIONAL, "Optional Attribute Error" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_NETWORK, "Invalid Network Field" },
	{ BGP_ERR_UPDATE, BGP_UPDATE_AS_PATH, "Malformed AS_PATH" },
	{ BGP_ERR_FSM, BGP_FSM_IN_OPENSENT, "Receive Unexpected Message in OpenSent State" },
	{ BGP_ERR_FSM, BGP_FSM_IN_OPENCONFIRM, "Receive Unexpected Message in OpenConfirm State" },
	{ BGP_ERR_FSM, BGP_FSM_IN_ESTABLISHED, "Receive Unexpected Message in Established State" },
	{ BGP_ERR_CEASE, BGP_CEASE_MAX_PREFIXES, "Maximum Number of Prefixes Reached" },
	{ BGP_ERR_CEASE, BGP_CEASE_SHUTDOWN, "Administrative Shutdown" },
	{ BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED, "Peer De-configured" },
	{ BGP_ERR_CEASE, BGP_CEASE_RESET, "Administrative Reset" },
	{ BGP_ERR_CEASE, BGP_CEASE_REJECTED, "Connection Rejected" },
	{ BGP_ERR_CEASE, BGP_CEASE_CONFIG_CHANGE, "Other Configuration Change" },
	{ BGP_ERR_CEASE, BGP_CEASE_COLLISION, "Connection Collision Resolution" },
	{ BGP_ERR_CEASE, BGP_CEASE_RESOURCES, "Out of Resources" },
	{ BGP_ERR_CEASE, BGP_CEASE_HARD_RESET, "Hard Reset" },
	{ BGP_ERR_REFRESH, BGP_REFRESH_BAD_LENGTH, "Invalid Message Length" },
	{ BGP_ERR_CEASE, BGP_CEASE_BFD_DOWN, "BFD Down" },
};

const char *notify_subcode_name(uint8_t code, uint8_t subcode)
{
	for (size_t i = 0; i < sizeof(subcode_names) / sizeof(subcode_names[0]); i++)
		if (subcode_names[i].code == code && subcode_names[i].subcode == subcode)
			return subcode_names[i].name;
	return "";
}

/* --- header --- */
size_t message_begin(struct wr *w, enum bgp_msg_type type)
{
	uint8_t *marker = wr_skip(w, BGP_MARKER_LEN);
	size_t mark;

	if (marker)
		memset(marker, 0xff, BGP_MARKER_LEN);
	mark = wr_mark_u16(w);
	wr_u8(w, (uint8_t)type);
	return mark;
}

void message_end(struct wr *w, size_t mark)
{
	wr_patch_u16(w, mark, wr_len(w) - (mark - BGP_MARKER_LEN));
}

/* RFC 4271 6.1: each type has its own least length; 0 for types that don't exist. */
static uint16_t least_length(uint8_t type)
{
	static const uint16_t least[] = { 0, BGP_OPEN_MIN, BGP_UPDATE_MIN, BGP_NOTIFY_MIN, BGP_HEADER_LEN,
		BGP_HEADER_LEN };

	return type < sizeof(least) / sizeof(least[0]) ? least[type] : 0;
}

int header_parse_within(struct rd *r, uint16_t max, struct msg_header *ret_header, struct notify *ret_notify)
{
	const uint8_t *marker = rd_skip(r, BGP_MARKER_LEN);
	struct msg_header h = { 0 };
	uint16_t least;
	bool fixed;

	h.len = rd_u16(r);
	h.type = rd_u8(r);
	least = least_length(h.type);
	fixed = h.type == BGP_MSG_KEEPALIVE;
	if (h.type == BGP_MSG_OPEN && max > BGP_MESSAGE_MAX)
		max = BGP_MESSAGE_MAX; /* RFC 8654 4: never an OPEN */
	if (!rd_ok(r))
		return notify_set(
		    ret_notify, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, NULL, 0, "header cut short");
	for (unsigned i = 0; i < BGP_MARKER_LEN; i++)
		if (marker[i] != 0xff)
			return notify_set(ret_notify, BGP_ERR_HEADER, BGP_HEADER_NOT_SYNC, NULL, 0,
			    "a message does not begin with the marker");
	if (h.len < BGP_HEADER_LEN || h.len > max)
		return notify_u16(
		    ret_notify, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, h.len, "impossible message length");
	if (!least)
		return notify_set(ret_notify, BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE, &h.type, 1,
		    "unknown message type %u", h.type);
	if (h.len < least || (fixed && h.len != least))
		return notify_u16(ret_notify, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, h.len,
		    "wrong length for the type of message:");
	*ret_header = h;
	return 0;
}

int header_parse(struct rd *r, struct msg_header *ret_header, struct notify *ret_notify)
{
	return header_parse_within(r, BGP_MESSAGE_MAX, ret_header, ret_notify);
}

/* --- OPEN --- */
uint32_t open_as(const struct open_msg *o)
{
	return o->caps.four_octet_as ? o->caps.as : o->as2;
}

/* One optional parameter after the other; extended (RFC 9072) ones have two octets of length. */
static int parse_params(struct rd r, bool extended, struct capabilities *caps, struct notify *ret_notify)
{
	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r);
		uint16_t len = extended ? rd_u16(&r) : rd_u8(&r);
		struct rd value = rd_sub(&r, len);

		if (!rd_ok(&r))
			return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_UNSPECIFIC, NULL, 0,
			    "optional parameters of OPEN run past their end");
		if (type != BGP_OPT_CAPABILITIES)
			return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_OPT_PARAM, NULL, 0,
			    "optional parameter %u of OPEN is not supported", type);
		if (capabilities_parse(value, caps) < 0)
			return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_UNSPECIFIC, NULL, 0,
			    "malformed capability in OPEN");
	}
	return 0;
}

static int parse_opt_params(struct rd *body, struct capabilities *caps, struct notify *ret_notify)
{
	uint8_t len = rd_u8(body);
	struct rd rest = *body, params;
	bool extended = len && rd_u8(&rest) == BGP_OPT_EXTENDED && rd_ok(&rest);

	if (extended) { /* RFC 9072 2: type 255 first, then the true length; the short one says nothing */
		uint16_t ext_len = rd_u16(&rest);

		params = rd_sub(&rest, ext_len);
		*body = rest;
	} else {
		params = rd_sub(body, len);
	}
	if (!rd_done(body))
		return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_UNSPECIFIC, NULL, 0,
		    "length of OPEN's optional parameters does not fit the message");
	return parse_params(params, extended, caps, ret_notify);
}

int open_parse(struct rd body, struct open_msg *ret_open, struct notify *ret_notify)
{
	struct open_msg o = { .version = rd_u8(&body) };

	if (rd_ok(&body) && o.version != BGP_VERSION) /* before the rest, whose form it decides */
		return notify_u16(ret_notify, BGP_ERR_OPEN, BGP_OPEN_VERSION, BGP_VERSION,
		    "the peer speaks another BGP version; we speak");
	o.as2 = rd_u16(&body);
	o.hold_time = rd_u16(&body);
	o.router_id = rd_u32(&body);
	if (!rd_ok(&body))
		return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_UNSPECIFIC, NULL, 0, "OPEN cut short");
	if (parse_opt_params(&body, &o.caps, ret_notify) < 0)
		return -1;
	if (o.hold_time == 1 || o.hold_time == 2) /* RFC 4271 4.2 */
		return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_HOLD_TIME, NULL, 0,
		    "the peer offers a hold time of %u s; 0 or at least 3 is allowed", o.hold_time);
	if (o.router_id == 0) /* RFC 6286 2.1 */
		return notify_set(
		    ret_notify, BGP_ERR_OPEN, BGP_OPEN_BGP_ID, NULL, 0, "the peer's BGP identifier is zero");
	*ret_open = o;
	return 0;
}

void open_build(struct wr *w, const struct open_msg *o)
{
	size_t mark = message_begin(w, BGP_MSG_OPEN), params;

	wr_u8(w, o->version);
	wr_u16(w, o->as2);
	wr_u16(w, o->hold_time);
	wr_u32(w, o->router_id);
	params = wr_mark_u8(w);
	capabilities_build(w, &o->caps);
	wr_patch_u8(w, params, wr_len(w) - params - 1);
	message_end(w, mark);
}

/* --- NOTIFICATION --- */
int notification_parse(struct rd body, struct notification_msg *ret_msg)
{
	struct notification_msg m = { 0 };

	m.code = rd_u8(&body);
	m.subcode = rd_u8(&body);
	m.data_len = rd_left(&body);
	m.data = rd_skip(&body, m.data_len);
	if (!rd_done(&body))
		return -1;
	*ret_msg = m;
	return 0;
}

void notification_build(struct wr *w, const struct notify *n)
{
	size_t mark = message_begin(w, BGP_MSG_NOTIFICATION);

	wr_u8(w, n->code);
	wr_u8(w, n->subcode);
	wr_bytes(w, n->data, n->data_len);
	message_end(w, mark);
}

bool notification_is_hard(uint8_t code, uint8_t subcode)
{
	if (code != BGP_ERR_CEASE)
		return false;
	switch ((enum bgp_cease_subcode)subcode) {
	case BGP_CEASE_MAX_PREFIXES:
	case BGP_CEASE_SHUTDOWN:
	case BGP_CEASE_DECONFIGURED:
	case BGP_CEASE_RESOURCES:
	case BGP_CEASE_BFD_DOWN:
	case BGP_CEASE_HARD_RESET: return true;
	case BGP_CEASE_RESET:
	case BGP_CEASE_REJECTED:
	case BGP_CEASE_CONFIG_CHANGE:
	case BGP_CEASE_COLLISION: return false;
	}
	return false;
}

/* The peer's words for its shutdown or reset (RFC 9003): a length and UTF-8. Escaped, for they are a
 * stranger's. */
static void describe_shutdown(struct rd r, struct reason *ret_reason)
{
	char text[sizeof(ret_reason->text)];
	uint8_t len = rd_u8(&r);
	const uint8_t *words = rd_skip(&r, len);

	if (!words || len == 0)
		return;
	utf8_escape(words, len, text, sizeof(text));
	reason_add(ret_reason, ": \"%s\"", text);
}

static void describe(uint8_t code, uint8_t subcode, struct rd data, struct reason *ret_reason)
{
	const char *sub = notify_subcode_name(code, subcode);

	reason_add(
	    ret_reason, " %u/%u, %s%s%s", code, subcode, notify_code_name(code), *sub ? ": " : "", sub);
	if (code == BGP_ERR_CEASE && (subcode == BGP_CEASE_SHUTDOWN || subcode == BGP_CEASE_RESET))
		describe_shutdown(data, ret_reason);
}

void notification_describe(const struct notification_msg *m, struct reason *ret_reason)
{
	struct rd data = rd_init(m->data, m->data_len);

	reason_set(ret_reason, "bgp-notification-received", "the peer sent NOTIFICATION");
	describe(m->code, m->subcode, data, ret_reason);
	if (m->code == BGP_ERR_CEASE && m->subcode == BGP_CEASE_HARD_RESET && rd_left(&data) >= 2) {
		uint8_t code = rd_u8(&data), subcode = rd_u8(&data);

		reason_add(ret_reason, ", for");
		describe(code, subcode, data, ret_reason);
	}
}

/* --- KEEPALIVE and ROUTE-REFRESH --- */
void keepalive_build(struct wr *w)
{
	message_end(w, message_begin(w, BGP_MSG_KEEPALIVE));
}

/* RFC 7313 5: the whole message goes back where it was a BoRR or EoRR; else it is a header's fault (RFC
 * 4271). */
static int refresh_bad_length(struct rd body, bool enhanced, struct notify *ret_notify)
{
	uint8_t whole[NOTIFY_DATA_MAX];
	struct wr w = wr_init(whole, sizeof(whole));
	size_t len = rd_left(&body), mark = message_begin(&w, BGP_MSG_ROUTE_REFRESH);
	struct rd peek = body;
	uint8_t subtype;

	(void)rd_u16(&peek);
	subtype = rd_u8(&peek);
	if (!enhanced || !rd_ok(&peek) || (subtype != BGP_REFRESH_BEGIN && subtype != BGP_REFRESH_END))
		return notify_u16(ret_notify, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH,
		    (uint16_t)(BGP_HEADER_LEN + len), "wrong length for a ROUTE-REFRESH:");
	wr_patch_u16(&w, mark, BGP_HEADER_LEN + len);
	wr_bytes(&w, rd_skip(&body, len), len < wr_left(&w) ? len : wr_left(&w));
	return notify_set(ret_notify, BGP_ERR_REFRESH, BGP_REFRESH_BAD_LENGTH, whole, wr_len(&w),
	    "a ROUTE-REFRESH of subtype %u is %zu octets long", subtype, BGP_HEADER_LEN + len);
}

int refresh_parse(struct rd body, bool enhanced, struct refresh_msg *ret_msg, struct notify *ret_notify)
{
	struct refresh_msg m = { 0 };

	if (rd_left(&body) != BGP_REFRESH_LEN - BGP_HEADER_LEN)
		return refresh_bad_length(body, enhanced, ret_notify);
	m.afi = rd_u16(&body);
	m.subtype = rd_u8(&body);
	m.safi = rd_u8(&body);
	*ret_msg = m;
	return 0;
}

void refresh_build(struct wr *w, const struct refresh_msg *m)
{
	size_t mark = message_begin(w, BGP_MSG_ROUTE_REFRESH);

	wr_u16(w, m->afi);
	wr_u8(w, m->subtype);
	wr_u8(w, m->safi);
	message_end(w, mark);
}
