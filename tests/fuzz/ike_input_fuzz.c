/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live engine against anything. Two peers are up; the input is a script of records (kind, argument, 16-bit
 * length, octets): raw datagrams, with the SPIs of the live SA if wanted; payload chains that the
 * authenticated peer sends under its keys, as requests and as answers; commands; other addresses; time. In
 * the end both go down: memory is whole, and nothing is left in the data planes.
 */
#include "ike/engine.h"
#include "tests/support/ike_net.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS_MAX 24

enum kind { REC_RAW, REC_REQUEST, REC_ANSWER, REC_REKEY, REC_RUN, REC_FACT, REC_KINDS };

static struct ike_sa *established(struct ike *ike)
{
	struct ike_conn *conn = ike_conn_find(ike, IKE_NET_CONN);

	list_for_each (&conn->sas, struct ike_sa, sa, node)
		if (sa->state == IKE_SA_ESTABLISHED)
			return sa;
	return NULL;
}

static void put64(uint8_t *out, uint64_t v)
{
	struct wr w = wr_init(out, 8);

	wr_u64(&w, v);
}

static void raw(struct ike_net *net, uint8_t arg, const uint8_t *body, size_t len)
{
	struct ike_sa *sa = established(net->peer[0].ike);
	struct endpoint from = { net->peer[1].addr, 500 };
	uint8_t buf[4096];

	if (len > sizeof(buf))
		return;
	if (len)
		memcpy(buf, body, len);
	if (arg & 1 && sa && len >= IKE_HEADER_LEN) {
		put64(buf, sa->spi_i);
		put64(buf + 8, sa->spi_r);
	}
	ike_net_inject(net, 0, &from, arg & 2, buf, len);
}

static void usage(struct ike_net *net, struct rd *r)
{
	uint32_t spi = rd_u32(r);
	uint64_t used = rd_u64(r);

	ike_fact_usage(
	    net->peer[0].ike, IKE_NET_CONN, spi, &(struct ike_usage){ used, used / 64, net->now }, net->now);
}

/* What peer 1 would send under its keys: `arg` chooses exchange and first payload. */
static void sealed(struct ike_net *net, bool answer, uint8_t arg, const uint8_t *body, size_t len)
{
	static const uint8_t exchanges[] = { IKE_X_CREATE_CHILD_SA, IKE_X_INFORMATIONAL, IKE_X_AUTH, 99 };
	struct ike_sa *to = established(net->peer[0].ike), *from = NULL;
	struct endpoint source = { net->peer[1].addr, 500 };
	struct ike_header h = { .exchange = exchanges[arg & 3], .response = answer };
	uint8_t out[4096];
	size_t out_len;

	if (to)
		from = ike_sa_by_own_spi(net->peer[1].ike, to->initiator ? to->spi_r : to->spi_i);
	if (!from || from->spi_i != to->spi_i || from->spi_r != to->spi_r || !from->keys.seal.ctx ||
	    (answer && !to->out.msg.data) || len > 2048)
		return;
	h.spi_i = to->spi_i;
	h.spi_r = to->spi_r;
	h.from_initiator = from->initiator;
	h.msg_id = answer ? to->out.id : to->next_peer;
	if (answer)
		h.exchange = to->out.exchange;
	if (!ike_message_seal(&from->keys.seal, &net->peer[1].rng, &h, (uint8_t)(arg >> 2), body, len, out,
	        sizeof(out), &out_len))
		ike_net_inject(net, 0, &source, false, out, out_len);
}

static void command(struct ike_net *net, uint8_t arg)
{
	struct ike *ike = net->peer[arg & 1].ike;

	switch (arg >> 1 & 3) {
	case 0: ike_conn_rekey_child(ike, IKE_NET_CONN, net->now); break;
	case 1: ike_conn_rekey_ike(ike, IKE_NET_CONN, net->now); break;
	case 2: ike_conn_restart(ike, IKE_NET_CONN, arg & 8, NULL, net->now); break;
	default: ike_conn_down(ike, IKE_NET_CONN, net->now); break;
	}
	/* Only what was queued is carried out; time does not pass, so answers may be forged before they come.
	 */
	ike_net_drain(net);
}

/* Peer 0 (or peer 1) has another address, where it is reached, or two. */
static void addresses(struct ike_net *net, unsigned peer, struct rd *r)
{
	struct addr a[2] = { addr_v4(rd_u32(r)), addr_v4(rd_u32(r)) };

	if (peer == 0)
		net->peer[0].addr = a[0];
	else
		net->peer[1].more = a[0];
	ike_fact_locals(net->peer[peer].ike, IKE_NET_CONN, a, rd_ok(r) ? 2 : 1, net->now);
	ike_net_drain(net);
}

static void record(struct ike_net *net, struct rd *r)
{
	uint8_t kind = rd_u8(r), arg = rd_u8(r);
	size_t len = rd_u16(r);
	const uint8_t *body = rd_skip(r, len);
	struct rd b = rd_init(body, body ? len : 0);

	if (!rd_ok(r))
		return;
	switch ((enum kind)(kind % REC_KINDS)) {
	case REC_RAW: raw(net, arg, body, len); break;
	case REC_REQUEST: sealed(net, false, arg, body, len); break;
	case REC_ANSWER: sealed(net, true, arg, body, len); break;
	case REC_REKEY: command(net, arg); break;
	case REC_RUN: ike_net_run(net, mdur_ms((int64_t)arg * arg)); break;
	case REC_FACT:
		if (arg & 1) {
			addresses(net, arg >> 1 & 1, &b);
			break;
		}
		ike_fact_first_packet(net->peer[0].ike, IKE_NET_CONN, rd_u32(&b), net->now);
		usage(net, &b);
		ike_net_drain(net);
		break;
	case REC_KINDS: break;
	}
}

/* Both know MOBIKE, and peer 0 begins, or peer 1 does. */
static void mobile(struct ike_net *net, const char *ike, const char *esp, bool peer1_begins)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config c = ike_net_config(net, i, !i, ike, esp);
		struct reason why;

		c.mobike = true;
		c.role = (i == 1) == peer1_begins ? IKE_ROLE_BOTH : IKE_ROLE_RESPOND;
		if (ike_conn_update(net->peer[i].ike, IKE_NET_CONN, &c, &why))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	static struct ike_net net;
	uint8_t seed = rd_u8(&r);

	const char *ike = seed & 1 ? "aes128-sha256-curve25519" : "aes128gcm16-prfsha256-curve25519";
	const char *esp = seed & 2 ? "aes128gcm16-curve25519" : "aes128gcm16";

	ike_net_pair(&net, seed, ike, esp);
	if (seed & 4)
		mobile(&net, ike, esp, seed & 8);
	net.delay_max = net.delay_min = mdur_ms(5);
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	if (!ike_net_run_until(&net, mdur_s(5), ike_net_both_up))
		abort();
	ike_net_run(&net, mdur_ms(50));
	for (unsigned i = 0; i < RECORDS_MAX && rd_left(&r); i++)
		record(&net, &r);
	for (unsigned i = 0; i < 2; i++)
		ike_net_down(&net, i);
	ike_net_run(&net, mdur_s(400));
	if (ike_net_check_empty(&net) || ike_pending(net.peer[0].ike) || ike_pending(net.peer[1].ike))
		abort();
	ike_net_free(&net);
	return 0;
}
