/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A talk with one engine under its peer's keys: two engines bring a tunnel up, and then the test is peer 1
 * itself. It asks what it likes and reads the answers, it reads the requests of peer 0 and answers them as it
 * likes. Nothing that peer 0 sends reaches peer 1 any more until talk_finish.
 */
#ifndef CW_TESTS_IKE_TALK_H
#define CW_TESTS_IKE_TALK_H

#include "ike/engine.h"
#include "tests/support/ike_net.h"

struct talk_message {
	uint8_t data[4096], opened[4096];
	size_t len; /* 0: none */
	uint8_t exchange;
	uint32_t id;
	uint64_t spi_i, spi_r;
};

struct talk {
	struct ike_net net;
	struct ike_sa *ours, *theirs; /* the two ends of the live IKE SA; ours is under test */
	uint8_t body[2048];
	struct ike_build b;   /* what is to be sent next */
	struct endpoint from; /* where the test's messages come from, and how */
	bool natt;
	struct talk_message answer, request; /* the last of either kind that peer 0 sent */
};

void talk_start(struct talk *t, const char *esp);
/* The same with configurations of the test's: called between ike_net_pair and bringing it up. */
void talk_start_with(struct talk *t, const char *esp, void (*change)(struct ike_net *net));
/* The same from an SA that two engines of t->net have made, whatever it is: the test becomes peer 1 on it. */
void talk_join(struct talk *t, struct ike_sa *ours, struct ike_sa *theirs);
/* Sends what was built as the peer's next request; what peer 0 answers is opened into p. False: no answer. */
bool talk_ask(struct talk *t, uint8_t exchange, struct ike_payloads *p);
/* ... and the answer must be this error; 0: none. */
void talk_expect(struct talk *t, uint8_t exchange, uint16_t refusal);
/* Opens the last request of peer 0's; there must be one of this exchange. It is taken. */
void talk_request(struct talk *t, uint8_t exchange, struct ike_payloads *p);
/* Sends what was built as the answer to peer 0's outstanding request. */
void talk_reply(struct talk *t, uint8_t exchange);
void talk_reply_error(struct talk *t, uint8_t exchange, uint16_t type, const void *data, size_t len);
/* The payloads of CREATE_CHILD_SA for a child; rekeys: of this one. nonce_byte: the nonce is full of it. */
void talk_put_child(struct talk *t, const char *esp, const uint32_t *rekeys, uint8_t nonce_byte);
/* The payloads of CREATE_CHILD_SA for a new IKE SA with the suite of the old one. */
void talk_put_ike(struct talk *t, uint8_t nonce_byte);
/* The child that peer 0 uses. */
struct ike_child *talk_live(struct talk *t);
void talk_finish(struct talk *t);

#endif
