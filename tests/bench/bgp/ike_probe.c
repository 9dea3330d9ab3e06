/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a peer waits for IKE: an IKE_SA_INIT every 5 ms, each with an SPI and nonce of its own and a key
 * exchange of a group that the responder does not take for its proposal, so that it is answered
 * INVALID_KE_PAYLOAD (RFC 7296 1.2) and leaves nothing behind: the whole way through sockets, threads and the
 * IKE core, without a key exchange's time in it. Beside it the same for the program's own sleep, which says
 * how late this machine lets anybody run.
 *
 *	bench_ike_probe LOCAL-ADDRESS RESPONDER-ADDRESS
 *
 * Command on stdin: `worst`; answer: worst NANOSECONDS QUESTIONS UNANSWERED SLEEP, since the last one. What
 *has no answer after 2 s counts as that long.
 */
#include "tests/bench/bgp/table.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IKE_PORT   500
#define PAUSE_NS   INT64_C(5000000)
#define PATIENCE   INT64_C(2000000000)
#define NONCE_LEN  32
#define P256_LEN   64
#define TRANSFORMS 5

/* SA with AES-CBC-256, HMAC-SHA2-256, DH groups 14 and 19; KE of group 19; Ni. */
static const uint8_t head[] = { /* IKE header, from the next payload on */
	33, 0x20, 34, 0x08, 0, 0, 0, 0, 0, 0, 0, 0
};
static const uint8_t sa[] = { 34, 0, 0, 56, 0, 0, 0, 52, 1, 1, 0, TRANSFORMS, /* one proposal, IKE, no SPI */
	3, 0, 0, 12, 1, 0, 0, 12, 0x80, 14, 1, 0,                             /* ENCR 12, 256 bits */
	3, 0, 0, 8, 2, 0, 0, 5, 3, 0, 0, 8, 3, 0, 0, 12,                      /* PRF 5, INTEG 12 */
	3, 0, 0, 8, 4, 0, 0, 14, 0, 0, 0, 8, 4, 0, 0, 19 };
static const uint8_t ke[] = { 40, 0, 0, 8 + P256_LEN, 0, 19, 0, 0 };
static const uint8_t nonce[] = { 0, 0, 0, 4 + NONCE_LEN };

struct question {
	uint8_t spi[8];
	uint8_t bytes[400];
	size_t n;
};

static void put(struct question *q, const void *data, size_t n)
{
	memcpy(q->bytes + q->n, data, n);
	q->n += n;
}

/* The number makes SPI, key and nonce its own. */
static void make(struct question *q, uint64_t number)
{
	uint8_t filler[P256_LEN];
	size_t length_at = 24;

	q->n = 0;
	number |= UINT64_C(0xca00000000000000);
	memcpy(q->spi, &number, sizeof(q->spi));
	memset(filler, (int)(number % 251) + 1, sizeof(filler));
	put(q, q->spi, 8);
	put(q, "\0\0\0\0\0\0\0", 8);
	put(q, head, sizeof(head));
	put(q, sa, sizeof(sa));
	put(q, ke, sizeof(ke));
	put(q, filler, P256_LEN);
	put(q, nonce, sizeof(nonce));
	put(q, filler, NONCE_LEN);
	q->bytes[length_at + 2] = (uint8_t)(q->n >> 8);
	q->bytes[length_at + 3] = (uint8_t)q->n;
}

/* Nanoseconds until an answer with the question's SPI. */
static int64_t ask(int fd, const struct question *q)
{
	int64_t began = now_ns(), left;
	uint8_t answer[2048];

	if (send(fd, q->bytes, q->n, 0) != (ssize_t)q->n)
		return PATIENCE;
	while ((left = began + PATIENCE - now_ns()) > 0) {
		struct pollfd in = { .fd = fd, .events = POLLIN };

		if (poll(&in, 1, (int)(left / 1000000) + 1) > 0 &&
		    recv(fd, answer, sizeof(answer), 0) >= 28 && !memcmp(answer, q->spi, sizeof(q->spi)))
			return now_ns() - began;
	}
	return PATIENCE;
}

static int open_socket(const char *local, const char *responder)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(IKE_PORT) }, to = from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, local, &from.sin_addr) != 1 ||
	    inet_pton(AF_INET, responder, &to.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open_socket(argv[1], argv[2]) : -1;
	uint64_t number = 0, questions = 0, unanswered = 0;
	int64_t worst = 0, sleep = 0, took;
	struct question q;
	char line[64];

	if (fd < 0) {
		printf("error cannot bind or connect\n");
		return 2;
	}
	for (;;) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		int64_t wakes = now_ns() + PAUSE_NS;

		if (poll(&in, 1, (int)(PAUSE_NS / 1000000)) > 0) {
			if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
				return 0;
			printf("worst %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRId64 "\n", worst, questions,
			    unanswered, sleep);
			fflush(stdout);
			worst = sleep = 0;
			questions = unanswered = 0;
			continue;
		}
		sleep = now_ns() - wakes > sleep ? now_ns() - wakes : sleep;
		make(&q, ++number);
		took = ask(fd, &q);
		questions++;
		unanswered += took == PATIENCE;
		worst = took > worst ? took : worst;
	}
}
