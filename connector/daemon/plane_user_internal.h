/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the user-space data plane, for connector/daemon/plane_user*.c only.
 *
 * Two threads. The worker owns struct pu_worker with all tunnels and SAs in it; nobody else touches them
 * while it runs. The control thread prepares objects (slow parts: key schedules, devices), has the worker
 * link or unlink them by a call that it waits for, and frees what came out. The other way go events, through
 * a bounded queue.
 */
#ifndef CW_DAEMON_PLANE_USER_INTERNAL_H
#define CW_DAEMON_PLANE_USER_INTERNAL_H

#include "base/htab.h"
#include "base/list.h"
#include "connector/daemon/plane_user.h"
#include "connector/sys/rawip.h"
#include "connector/sys/tun.h"
#include "connector/sys/udp.h"
#include "esp/esp.h"
#include "esp/sa.h"

#include <pthread.h>

/* --- events, worker to control (plane_user_queue.c) --- */
#define PU_MAX_DATAGRAMS 256 /* IKE datagrams waiting; more are dropped and counted */
#define PU_MAX_NOTICES                                                                                       \
	1024 /* facts about SAs waiting; one that finds no room is repeated with the next packet */

enum pu_event_kind {
	PU_IKE_DATAGRAM,
	PU_IKE_UNDELIVERED,
	PU_FIRST_INBOUND,
	PU_SEQ_NEAR_END,
	PU_REMOTE_MOVED,
	PU_TRIGGER
};
struct pu_event {
	enum pu_event_kind kind;
	uint32_t tunnel, spi;
	struct endpoint local, remote;
	uint8_t *data; /* of a datagram, malloc'ed; whoever pops it frees it */
	size_t len;
	uint64_t spi_i; /* of a datagram that was not delivered */
	int error;
};
struct pu_ring {
	struct pu_event *slots;
	unsigned size, head, count;
};
struct pu_queue {
	pthread_mutex_t lock;
	int fd; /* eventfd, readable while something waits */
	struct pu_ring datagrams, notices;
};
int pu_queue_init(struct pu_queue *q); /* 0, or -errno */
void pu_queue_clear(struct pu_queue *q);
bool pu_queue_push(struct pu_queue *q, const struct pu_event *e); /* false: full, and nothing was taken */
unsigned pu_queue_pop(struct pu_queue *q, struct pu_event ret_events[], unsigned n); /* notices first */

/* --- the worker's tables (plane_user_table.c) --- */
#define PU_HASH_BUCKETS 1024 /* a power of two */

enum pu_source_kind { PU_SOURCE_CALL, PU_SOURCE_SOCKET, PU_SOURCE_TUN };
/* What an epoll event points to. */
struct pu_source {
	enum pu_source_kind kind;
	unsigned socket; /* enum pu_socket */
	struct pu_tunnel *tunnel;
};

/* --- packets that wait for an SA (plane_user_keep.c) --- */
#define PU_KEPT_MAX  16
#define PU_KEPT_ROOM 9216 /* the largest MTU */
#define PU_KEPT_FOR  mdur_s(30)

struct pu_keep {
	uint8_t (*data)[PU_KEPT_ROOM]; /* PU_KEPT_MAX; pages that are never used take no memory */
	size_t len[PU_KEPT_MAX];
	mtime at[PU_KEPT_MAX];
	unsigned n;
	bool asked; /* the event is out */
};
_Static_assert(PU_KEPT_MAX <= ESP_BATCH, "what is kept leaves as one batch");

struct pu_tunnel {
	struct list link;
	struct hnode by_id;
	struct list sas_out; /* newest first: the first one is in use */
	struct list sas_in;
	uint32_t id;
	struct tun tun;
	struct pu_source source;
	struct pu_keep *keep; /* NULL: not armed */
	bool keepalive;
	uint32_t outer_mtu; /* of the way to the peer; 0: unknown */
	mtime last_sent;    /* anything but IKE, keepalives included */
	struct plane_counters counters;
};

struct pu_sa {
	struct list link;        /* in its tunnel */
	struct pu_sa *hash_next; /* inbound only */
	struct pu_tunnel *tunnel;
	struct esp_sa *esp;
	bool inbound, udp_encap;
	enum plane_df df;
	uint8_t tos_mask; /* what of the inner TOS octet is told outside */
	uint32_t tunnel_id, spi;
	struct endpoint local, remote;
	bool first_reported, near_end_reported;
	struct endpoint moved_reported; /* where the peer was last seen, if that is not `remote` */
	struct plane_counters counters;
};
void pu_sa_free(struct pu_sa *sa);

enum pu_socket { PU_IKE4, PU_IKE6, PU_NATT4, PU_NATT6, PU_RAW4, PU_RAW6, PU_SOCKETS };

/* One batch's memory: datagrams and packets over the same slots. */
#define PU_SLOT_FRONT 32 /* ESP_HEADROOM, rounded up */
#define PU_MAX_PACKET 65535
#define PU_SLOT       (PU_SLOT_FRONT + PU_MAX_PACKET + ESP_TAILROOM)
struct pu_batch {
	uint8_t (*slots)[PU_SLOT]; /* ESP_BATCH of them */
	struct udp_msg msgs[ESP_BATCH];
	struct esp_pkt pkts[ESP_BATCH];
	struct pu_sa *sas[ESP_BATCH];
	struct udp_msg whole[ESP_BATCH]; /* outbound: those of msgs that must not be fragmented */
	unsigned msg_of[ESP_BATCH];      /* which datagram a packet came in */
};

struct pu_worker {
	int epoll_fd, call_fd;
	struct udp_socket
	    sockets[PU_SOCKETS];  /* the raw ones are set by calls, the others before the thread starts */
	struct udp_socket whole4; /* IPv4 packets that must not be fragmented (sys/rawip.h) */
	struct pu_source call_source, socket_sources[PU_SOCKETS];
	struct list tunnels;
	struct htab tunnels_by_id;
	struct pu_sa *by_spi[PU_HASH_BUCKETS];
	struct plane_counters stray;
	struct pu_batch batch;
	struct pu_queue *queue;
	mdur keepalive;
	mtime next_keepalive;
	mtime now; /* read once per wake-up */
	bool stop;
};

int pu_tunnel_link(struct pu_worker *w, struct pu_tunnel *t); /* 0, or -ENOMEM */
void pu_tunnel_unlink(struct pu_worker *w, struct pu_tunnel *t);
struct pu_tunnel *pu_tunnel_find(struct pu_worker *w, uint32_t id);
struct pu_sa *pu_inbound_find(struct pu_worker *w, uint32_t spi);
struct pu_sa *pu_sa_find(struct pu_worker *w, uint32_t tunnel, bool inbound, uint32_t spi);
struct pu_sa *pu_tunnel_current(struct pu_tunnel *t); /* the outbound SA in use, or NULL */
void pu_sa_use(struct pu_sa *sa);                     /* it is in use from now on; NULL: nothing changes */
/* 0, -ENOENT: no such tunnel, -EEXIST: the SPI is taken. Links the SA in. */
int pu_sa_link(struct pu_worker *w, struct pu_sa *sa);
void pu_sa_unlink(struct pu_worker *w, struct pu_sa *sa);

/* --- the data path (plane_user_in.c, plane_user_out.c) --- */
/* Takes what the socket's error queue holds: IKE datagrams that were not delivered. */
void pu_socket_errors(struct pu_worker *w, enum pu_socket socket);
void pu_socket_readable(struct pu_worker *w, enum pu_socket socket);
void pu_tun_readable(struct pu_worker *w, struct pu_tunnel *t);
/* The tunnel has got an outbound SA: what was kept for it leaves. */
void pu_send_kept(struct pu_worker *w, struct pu_tunnel *t);
struct pu_keep *pu_keep_new(void); /* NULL: no memory */
void pu_keep_free(struct pu_keep *k);
/* False: not kept (not armed, no room, to many). */
bool pu_keep_put(struct pu_worker *w, struct pu_tunnel *t, const uint8_t *data, size_t len);
/* Moves what is kept into the batch; how many packets. */
unsigned pu_keep_take(struct pu_worker *w, struct pu_tunnel *t);
/* Sends keepalives that are due and sets w->next_keepalive. */
void pu_keepalives(struct pu_worker *w);
/* The reason a packet with this verdict counts under; false for one that is no drop. */
bool pu_drop_of(enum esp_verdict v, enum plane_drop *ret_drop);
void pu_count_drop(struct pu_tunnel *t, struct pu_sa *sa, enum plane_drop d);

/* --- the worker's thread (plane_user_worker.c) --- */
int pu_worker_watch(struct pu_worker *w, int fd, struct pu_source *source); /* 0, or -errno */

struct plane_user {
	struct plane_impl impl;
	struct plane_events events;
	void *ctx;
	const struct logger *log;
	const struct sys_domain *domain;
	struct pu_queue queue;
	struct pu_worker worker;
	pthread_t thread;
	bool running;
	bool kernel_decap; /* ESP in UDP is the kernel's, as the control thread has asked */
	bool raw_open[2];  /* IPv4, IPv6: the control thread's own note */
	/* The call in progress: the control thread waits until the worker has run it. */
	pthread_mutex_t call_lock;
	pthread_cond_t call_done;
	void (*call_fn)(struct pu_worker *w, void *arg);
	void *call_arg;
};
extern const struct plane_ops plane_user_ops;
static inline struct plane_user *plane_user_of(struct plane_impl *i)
{
	return (struct plane_user *)i; /* it is the first member */
}
int pu_thread_start(struct plane_user *p); /* 0, or -errno */
void pu_thread_stop(struct plane_user *p);
void pu_call(struct plane_user *p, void (*fn)(struct pu_worker *w, void *arg), void *arg);

#endif
