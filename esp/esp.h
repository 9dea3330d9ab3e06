/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP packets as the core sees them (RFC 4303): a batch is an array of struct esp_pkt. A packet lives in
 * memory of the caller with room in front of it and behind it; sealing and opening work in place and move
 * `off` and `len`. UDP encapsulation (RFC 3948) adds nothing here: the socket writes the UDP header.
 */
#ifndef CW_ESP_ESP_H
#define CW_ESP_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESP_HEADER_LEN  8 /* SPI and sequence number */
#define ESP_MAX_IV      16
#define ESP_MAX_PAD     255 /* what the pad length field can say; we use at most 15 */
#define ESP_TRAILER_LEN 2   /* pad length and next header */
#define ESP_MAX_ICV     32

/* Room that sealing needs in front of and behind the inner packet. */
#define ESP_HEADROOM (ESP_HEADER_LEN + ESP_MAX_IV)
#define ESP_TAILROOM (16 + ESP_TRAILER_LEN + ESP_MAX_ICV)

#define ESP_BATCH 64 /* the most packets one call takes */

/* IP protocol numbers that ESP speaks of. */
enum esp_proto {
	ESP_PROTO_IPV4 = 4, /* next header: a whole IPv4 packet */
	ESP_PROTO_IPV6 = 41,
	ESP_PROTO_ESP = 50,
	ESP_PROTO_NONE = 59, /* next header of a dummy packet (RFC 4303 2.6) */
};

/* What became of a packet. Each but ESP_OK has a counter in its SA. */
enum esp_verdict {
	ESP_OK,
	ESP_DUMMY,         /* authenticated, and to be dropped silently */
	ESP_NO_SA,         /* the caller gave no SA */
	ESP_REPLAY,        /* behind the window or seen before */
	ESP_AUTH,          /* wrong ICV */
	ESP_MALFORMED,     /* too short, wrong padding, no whole IP packet inside */
	ESP_SELECTOR,      /* the inner packet is outside of the SA's traffic selectors */
	ESP_SEQ_EXHAUSTED, /* no sequence number is left */
	ESP_TOO_BIG,       /* no room in the buffer */
	ESP_ECN,           /* a congestion mark that can't be told to the inside (RFC 6040 4.2) */
	ESP_VERDICT_COUNT
};
const char *esp_verdict_name(enum esp_verdict v); /* "ok", "dummy", "no-sa", "replay", ... */

struct esp_sa;

struct esp_pkt {
	uint8_t *buf; /* the caller's */
	size_t cap;
	size_t off, len;   /* what is in it: an inner packet or an ESP packet, before and after */
	struct esp_sa *sa; /* set by the caller; NULL gives ESP_NO_SA */
	/* Opening: the TOS octet of the outer header, filled in by the caller. Sealing: of the inner one. */
	uint8_t tos;
	bool df; /* sealing: the inner packet must not be fragmented */
	/* Filled in: */
	enum esp_verdict verdict;
	uint64_t seq;       /* the whole sequence number */
	bool authenticated; /* opened: its ICV was right, whatever the verdict */
	bool newest;        /* opened: authenticated, and its number was above all before it */
};

/* The SPI of an ESP packet, host order; 0 when it is too short to have one. */
uint32_t esp_peek_spi(const uint8_t *data, size_t len);

#endif
