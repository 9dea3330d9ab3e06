/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing payload chains (RFC 7296 3.2) and the small payloads in them.
 *
 * Each payload's body is cut off as a view of its own before anything in it is read, so no length inside can
 * reach outside. The chain is walked in a loop with a named maximum. Payloads of unknown type are passed over
 * unless they are critical (RFC 7296 2.5); known ones ignore the critical bit, as the RFC says. What is kept
 * are spans into the message; the caller keeps the message.
 */
#include "ike/payload.h"

#include <stdio.h>

static struct ike_span span_of(struct rd *r)
{
	struct ike_span s;

	s.len = rd_left(r);
	s.data = rd_skip(r, s.len);
	return s;
}

static int parse_notify(struct rd r, struct ike_notify *ret)
{
	struct ike_notify n = { 0 };
	uint8_t spi_len;

	n.protocol = rd_u8(&r);
	spi_len = rd_u8(&r);
	n.type = rd_u16(&r);
	n.spi.data = rd_skip(&r, spi_len);
	n.spi.len = spi_len;
	if (!rd_ok(&r))
		return -1;
	n.data = span_of(&r);
	*ret = n;
	return 0;
}

static int parse_delete(struct rd r, struct ike_delete *ret)
{
	struct ike_delete d = { 0 };

	d.protocol = rd_u8(&r);
	d.spi_len = rd_u8(&r);
	d.n = rd_u16(&r);
	if (!rd_ok(&r) || rd_left(&r) != (size_t)d.spi_len * d.n)
		return -1;
	if (d.protocol == IKE_PROTO_IKE && (d.spi_len || d.n))
		return -1;
	if (d.protocol == IKE_PROTO_ESP && d.spi_len != IKE_SPI_LEN_ESP)
		return -1;
	if (d.n > IKE_DELETE_SPIS_MAX)
		d.n = IKE_DELETE_SPIS_MAX;
	d.spis = span_of(&r);
	*ret = d;
	return 0;
}

/* Where the body of a payload goes that may come once; NULL for the others. */
static struct ike_span *single_slot(struct ike_payloads *p, uint8_t type)
{
	switch (type) {
	case IKE_P_SA: return &p->sa;
	case IKE_P_KE: return &p->ke;
	case IKE_P_NONCE: return &p->nonce;
	case IKE_P_IDI: return &p->idi;
	case IKE_P_IDR: return &p->idr;
	case IKE_P_AUTH: return &p->auth;
	case IKE_P_TSI: return &p->tsi;
	case IKE_P_TSR: return &p->tsr;
	case IKE_P_EAP: return &p->eap;
	case IKE_P_SK: return &p->sk;
	case IKE_P_SKF: return &p->skf;
	}
	return NULL;
}

static int parse_one(struct ike_payloads *p, uint8_t type, bool critical, struct rd body)
{
	struct ike_span *slot = single_slot(p, type);

	if (!slot && (type < IKE_P_FIRST_KNOWN || type > IKE_P_LAST_KNOWN)) {
		if (!critical)
			return 0;
		p->fault = IKE_FAULT_CRITICAL;
		p->critical_type = type;
		return -1;
	}
	if (type <= IKE_P_LAST_KNOWN)
		p->seen[type - IKE_P_FIRST_KNOWN]++;
	p->fault = IKE_FAULT_SYNTAX;
	if (slot) {
		if (slot->data)
			return -1;
		*slot = span_of(&body);
		if (!slot->data)
			return -1;
	} else if (type == IKE_P_CERT && p->n_cert < IKE_CERTS_MAX) {
		p->cert[p->n_cert++] = span_of(&body);
	} else if (type == IKE_P_NOTIFY && p->n_notify < IKE_NOTIFIES_MAX) {
		if (parse_notify(body, &p->notify[p->n_notify]))
			return -1;
		p->n_notify++;
	} else if (type == IKE_P_DELETE && p->n_del < IKE_DELETES_MAX) {
		if (parse_delete(body, &p->del[p->n_del]))
			return -1;
		p->n_del++;
	}
	p->fault = IKE_FAULT_NONE;
	return 0;
}

int ike_payloads_parse(struct rd r, uint8_t first, struct ike_payloads *ret)
{
	uint8_t type = first;

	*ret = (struct ike_payloads){ 0 };
	while (type != IKE_P_NONE) {
		uint8_t next = rd_u8(&r);
		uint8_t flags = rd_u8(&r);
		uint16_t len = rd_u16(&r);
		struct rd body;

		if (!rd_ok(&r) || len < IKE_PAYLOAD_HEADER_LEN || ret->n == IKE_PAYLOADS_MAX) {
			ret->fault = IKE_FAULT_SYNTAX;
			return -1;
		}
		body = rd_sub(&r, (size_t)len - IKE_PAYLOAD_HEADER_LEN);
		if (!rd_ok(&r)) {
			ret->fault = IKE_FAULT_SYNTAX;
			return -1;
		}
		if (ret->n < sizeof(ret->order))
			ret->order[ret->n] = type;
		ret->n++;
		if (parse_one(ret, type, flags & IKE_PAYLOAD_CRITICAL, body))
			return -1;
		if (type == IKE_P_SK || type == IKE_P_SKF) {
			/* The last payload; its "next" names the first one inside (RFC 7296 3.14, 7383 2.5).
			 */
			ret->sk_first = next;
			break;
		}
		type = next;
	}
	if (!rd_done(&r)) {
		ret->fault = IKE_FAULT_SYNTAX;
		return -1;
	}
	return 0;
}

const struct ike_notify *ike_notify_find(const struct ike_payloads *p, uint16_t type)
{
	for (unsigned i = 0; i < p->n_notify; i++)
		if (p->notify[i].type == type)
			return &p->notify[i];
	return NULL;
}

const struct ike_notify *ike_notify_error(const struct ike_payloads *p)
{
	const struct ike_notify *ms = NULL;

	for (unsigned i = 0; i < p->n_notify; i++) {
		if (p->notify[i].type == IKE_N_MS_STATUS)
			ms = &p->notify[i]; /* it explains another error, where there is one */
		else if (p->notify[i].type < IKE_N_ERROR_LIMIT)
			return &p->notify[i];
	}
	return ms;
}

const char *ike_notify_name(uint16_t type, char *buf, size_t cap)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD" },
		{ IKE_N_INVALID_IKE_SPI, "INVALID_IKE_SPI" },
		{ IKE_N_INVALID_MAJOR_VERSION, "INVALID_MAJOR_VERSION" },
		{ IKE_N_INVALID_SYNTAX, "INVALID_SYNTAX" },
		{ IKE_N_INVALID_MESSAGE_ID, "INVALID_MESSAGE_ID" },
		{ IKE_N_INVALID_SPI, "INVALID_SPI" },
		{ IKE_N_NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN" },
		{ IKE_N_INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD" },
		{ IKE_N_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
		{ IKE_N_SINGLE_PAIR_REQUIRED, "SINGLE_PAIR_REQUIRED" },
		{ IKE_N_NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS" },
		{ IKE_N_INTERNAL_ADDRESS_FAILURE, "INTERNAL_ADDRESS_FAILURE" },
		{ IKE_N_FAILED_CP_REQUIRED, "FAILED_CP_REQUIRED" },
		{ IKE_N_TS_UNACCEPTABLE, "TS_UNACCEPTABLE" },
		{ IKE_N_INVALID_SELECTORS, "INVALID_SELECTORS" },
		{ IKE_N_TEMPORARY_FAILURE, "TEMPORARY_FAILURE" },
		{ IKE_N_CHILD_SA_NOT_FOUND, "CHILD_SA_NOT_FOUND" },
		{ IKE_N_MS_STATUS, "MICROSOFT_STATUS" },
		{ IKE_N_UNACCEPTABLE_ADDRESSES, "UNACCEPTABLE_ADDRESSES" },
		{ IKE_N_UNEXPECTED_NAT_DETECTED, "UNEXPECTED_NAT_DETECTED" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	snprintf(buf, cap, "notification %u", type);
	return buf;
}

int ike_ke_parse(struct ike_span body, struct ike_ke_view *ret)
{
	struct rd r = rd_init(body.data, body.len);
	struct ike_ke_view v = { 0 };

	v.group = rd_u16(&r);
	rd_u16(&r); /* reserved */
	if (!rd_ok(&r) || !rd_left(&r))
		return -1;
	v.data = span_of(&r);
	*ret = v;
	return 0;
}

int ike_auth_parse(struct ike_span body, struct ike_auth_view *ret)
{
	struct rd r = rd_init(body.data, body.len);
	struct ike_auth_view v = { 0 };

	v.method = rd_u8(&r);
	rd_skip(&r, 3); /* reserved */
	if (!rd_ok(&r) || !rd_left(&r))
		return -1;
	v.data = span_of(&r);
	*ret = v;
	return 0;
}

int ike_id_parse(struct ike_span body, struct ike_identity *ret)
{
	struct rd r = rd_init(body.data, body.len);
	struct ike_identity id = { 0 };

	id.type = rd_u8(&r);
	rd_skip(&r, 3); /* reserved */
	if (!rd_ok(&r) || rd_left(&r) > IKE_ID_MAX || !id.type)
		return -1;
	id.len = (uint16_t)rd_left(&r);
	if ((id.type == IKE_ID_IPV4 && id.len != 4) || (id.type == IKE_ID_IPV6 && id.len != 16))
		return -1;
	rd_bytes(&r, id.data, id.len);
	*ret = id;
	return 0;
}

int ike_eap_parse(struct ike_span body, uint8_t *ret_code)
{
	struct rd r = rd_init(body.data, body.len);
	uint8_t code = rd_u8(&r);
	uint16_t len;

	rd_u8(&r); /* identifier */
	len = rd_u16(&r);
	if (!rd_ok(&r) || len != body.len || code < IKE_EAP_REQUEST || code > IKE_EAP_CODE_FAILURE)
		return -1;
	*ret_code = code;
	return 0;
}

uint32_t ike_delete_spi(const struct ike_delete *d, unsigned i)
{
	struct rd r = rd_init(d->spis.data, d->spis.len);

	rd_skip(&r, (size_t)i * IKE_SPI_LEN_ESP);
	return rd_u32(&r);
}

static int parse_ts_one(struct rd *r, struct ike_ts_list *list)
{
	uint8_t type = rd_u8(r);
	struct ike_ts ts = { .protocol = rd_u8(r) };
	uint16_t len = rd_u16(r);
	uint8_t family = type == IKE_TS_IPV4_RANGE ? 4 : type == IKE_TS_IPV6_RANGE ? 6 : 0;
	uint8_t bytes[16];
	struct rd body;

	if (!rd_ok(r) || len < 4)
		return -1;
	body = rd_sub(r, (size_t)len - 4);
	if (!rd_ok(r))
		return -1;
	if (!family)
		return 0; /* a type we don't know narrows to nothing: pass over */
	ts.port_first = rd_u16(&body);
	ts.port_last = rd_u16(&body);
	rd_bytes(&body, bytes, family == 4 ? 4 : 16);
	ts.first = addr_from_bytes(family, bytes);
	rd_bytes(&body, bytes, family == 4 ? 4 : 16);
	ts.last = addr_from_bytes(family, bytes);
	if (!rd_done(&body))
		return -1;
	/* An empty range selects nothing; OPAQUE ports (65535-0) do not occur in what we negotiate. */
	if (addr_cmp(&ts.first, &ts.last) > 0 || ts.port_first > ts.port_last)
		return 0;
	if (list->n < IKE_TS_OFFER_MAX)
		list->list[list->n++] = ts;
	return 0;
}

int ike_ts_parse(struct ike_span body, struct ike_ts_list *ret)
{
	struct rd r = rd_init(body.data, body.len);
	unsigned n = rd_u8(&r);

	ret->n = 0;
	rd_skip(&r, 3); /* reserved */
	for (unsigned i = 0; i < n; i++)
		if (parse_ts_one(&r, ret))
			return -1;
	return n && rd_done(&r) ? 0 : -1;
}
