/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two engines and any interleaving: the input is a list of operations (two octets each: which one, and its
 * argument) on either end and on the network between them. Whatever came before, on a network that behaves
 * both ends come to one pair that fits, and then to nothing.
 */
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPS_MAX 48

enum op {
	OP_SHORT,   /* a few milliseconds pass */
	OP_LONG,    /* seconds */
	OP_CHILD,   /* rekey of the child by one end, or by both */
	OP_IKE,     /* of the IKE SA */
	OP_MIXED,   /* one end the child, the other the IKE SA */
	OP_RESTART, /* told or not */
	OP_DOWN,
	OP_UP,
	OP_CRASH,
	OP_DROP, /* the next datagrams are lost */
	OP_HOLD, /* delay from now on */
	OP_LOSS,
	OP_JOBS, /* slowness of jobs */
	OP_REFUSE,
	OP_CUT,
	OP_TRAFFIC,
	OPS
};

struct script {
	unsigned drop;
	struct ike_conn_config config[2];
};

static bool tap(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct script *s = ctx;

	(void)net;
	(void)from;
	(void)data;
	(void)len;
	if (!s->drop)
		return true;
	s->drop--;
	return false;
}

static void rekey(struct ike_net *net, unsigned i, bool ike)
{
	if (ike)
		(void)ike_conn_rekey_ike(net->peer[i].ike, IKE_NET_CONN, net->now);
	else
		(void)ike_conn_rekey_child(net->peer[i].ike, IKE_NET_CONN, net->now);
	ike_net_drain(net);
}

static void rekeys(struct ike_net *net, enum op op, uint8_t arg)
{
	for (unsigned i = 0; i < 2; i++)
		if (arg & 1U << i)
			rekey(net, i, op == OP_IKE || (op == OP_MIXED && i == (arg >> 2 & 1U)));
}

static void crash(struct ike_net *net, struct script *s, unsigned i)
{
	ike_net_restart_peer(net, i, NULL);
	ike_net_add(net, i, &s->config[i]);
	ike_net_up(net, i);
}

static void of_network(struct ike_net *net, struct script *s, enum op op, uint8_t arg)
{
	struct ike_net_peer *p = &net->peer[arg & 1];

	if (op == OP_DROP) {
		s->drop = arg % 16;
	} else if (op == OP_HOLD) {
		net->delay_max = mdur_ms(10 + arg * 4);
		net->reorder = arg % 30;
	} else if (op == OP_LOSS) {
		net->loss = arg % 60;
		net->repeat = arg % 30;
	} else if (op == OP_JOBS) {
		net->job_delay = mdur_ms(arg * 3);
	} else if (op == OP_REFUSE) {
		p->fail_inbound_add = true;
	} else if (op == OP_CUT) {
		p->cut = !p->cut;
	} else if (op == OP_TRAFFIC) {
		net->traffic = mdur_ms(arg ? 20 + arg * 10 : 0);
		net->next_traffic = net->now;
	}
}

static void step(struct ike_net *net, struct script *s, enum op op, uint8_t arg)
{
	switch (op) {
	case OP_SHORT: ike_net_run(net, mdur_ms(arg)); break;
	case OP_LONG: ike_net_run(net, mdur_ms(arg * 250)); break;
	case OP_CHILD:
	case OP_IKE:
	case OP_MIXED: rekeys(net, op, arg); break;
	case OP_RESTART:
		ike_conn_restart(net->peer[arg & 1].ike, IKE_NET_CONN, arg & 2, NULL, net->now);
		ike_net_drain(net);
		break;
	case OP_DOWN: ike_net_down(net, arg & 1); break;
	case OP_UP: ike_net_up(net, arg & 1); break;
	case OP_CRASH: crash(net, s, arg & 1); break;
	case OP_DROP:
	case OP_HOLD:
	case OP_LOSS:
	case OP_JOBS:
	case OP_REFUSE:
	case OP_CUT:
	case OP_TRAFFIC:
	case OPS: of_network(net, s, op, arg); break;
	}
}

static void peace(struct ike_net *net, struct script *s)
{
	s->drop = net->loss = net->repeat = net->reorder = 0;
	net->delay_max = mdur_ms(30);
	net->job_delay = MDUR_ZERO;
	for (unsigned i = 0; i < 2; i++) {
		net->peer[i].cut = net->peer[i].fail_inbound_add = false;
		ike_net_up(net, i);
	}
	ike_net_run(net, mdur_s(420));
	net->inbound_missing =
	    0; /* a restart may overtake the answer to a rekey, whose other half is gone then */
	for (unsigned i = 0; i < 60 && ike_net_check_rest(net, 0, 1); i++)
		ike_net_run(net, mdur_ms(700));
	ike_net_assert(net, ike_net_check_rest(net, 0, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct script s;
	static struct ike_net net;

	if (size < 2)
		return 0;
	s = (struct script){ 0 };
	ike_net_init(&net, data[0], 2);
	for (unsigned i = 0; i < 2; i++) {
		s.config[i] = ike_net_config(&net, i, 1 - i, "aes128gcm16-prfsha256-curve25519",
		    data[1] & 1 ? "aes128gcm16-curve25519" : "aes128gcm16");
		if (data[1] >> 1 & 1 && i == (data[1] >> 2 & 1U))
			s.config[i].role = IKE_ROLE_RESPOND;
		s.config[i].child_lifetime = mdur_s(data[1] & 8 ? 60 : 3600);
		s.config[i].ike_lifetime = mdur_s(data[1] & 16 ? 150 : 28800);
		ike_net_add(&net, i, &s.config[i]);
		ike_net_up(&net, i);
	}
	net.tap = tap;
	net.tap_ctx = &s;
	for (size_t at = 2; at + 1 < size && at < 2 + 2 * OPS_MAX; at += 2)
		step(&net, &s, (enum op)(data[at] % OPS), data[at + 1]);
	peace(&net, &s);
	ike_net_finish(&net);
	return 0;
}
