/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents by HTTP. The cache is a small table under a lock: what was kept, until when, and what failed,
 * until when it is left alone. A full table drops what ends first. Nothing here trusts what it fetched;
 * base/revocation.c does the judging, and what is kept is judged again at each use.
 */
#include "connector/daemon/documents.h"

#include "connector/sys/clock.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MS       5000
#define CONNECT_MS     3000L
#define DOCUMENT_MAX   CERT_CRL_MAX
#define DOCUMENT_FIRST 4096 /* room to begin with */
#define ENTRIES_MAX    64
#define AT_ONCE_MAX    2
#define FAILED_SECONDS 60

struct entry {
	char url[CERT_URL_MAX]; /* empty: free */
	uint8_t *body, *data;   /* data NULL: it failed */
	size_t body_len, len;
	int64_t until;
};

struct documents {
	struct credentials_world world;
	pthread_mutex_t lock;
	struct entry entry[ENTRIES_MAX];
	unsigned at_once;
	bool stopping;
};

/* What a transfer writes into. */
struct incoming {
	struct documents *d;
	uint8_t *data;
	size_t len, room;
	bool late; /* the time was over */
};

static int64_t wall(void *ctx)
{
	(void)ctx;
	return (int64_t)clock_wall(clock_now());
}

static mtime steady(void *ctx)
{
	(void)ctx;
	return clock_now();
}

static void entry_clear(struct entry *e)
{
	free(e->body);
	free(e->data);
	*e = (struct entry){ 0 };
}

static struct entry *find(struct documents *d, const struct credentials_query *q)
{
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		struct entry *e = &d->entry[i];

		if (!strcmp(e->url, q->url) && e->body_len == q->body_len &&
		    (!q->body_len || !memcmp(e->body, q->body, q->body_len)))
			return e;
	}
	return NULL;
}

/* A free place, or that of what ends first. */
static struct entry *place(struct documents *d)
{
	struct entry *first = &d->entry[0];

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (!d->entry[i].url[0])
			return &d->entry[i];
		if (d->entry[i].until < first->until)
			first = &d->entry[i];
	}
	return first;
}

static void *copy(const void *data, size_t len)
{
	void *c = malloc(len ? len : 1);

	if (c && len)
		memcpy(c, data, len);
	return c;
}

/* data NULL: note that it failed. Without memory nothing is kept. */
static void store(
    struct documents *d, const struct credentials_query *q, const uint8_t *data, size_t len, int64_t until)
{
	struct entry *e, fresh = { .body_len = q->body_len, .len = len, .until = until };

	if (strlen(q->url) >= sizeof(fresh.url))
		return;
	strcpy(fresh.url, q->url);
	fresh.body = copy(q->body, q->body_len);
	fresh.data = data ? copy(data, len) : NULL;
	if (!fresh.body || (data && !fresh.data)) {
		entry_clear(&fresh);
		return;
	}
	pthread_mutex_lock(&d->lock);
	e = find(d, q);
	if (!e)
		e = place(d);
	entry_clear(e);
	*e = fresh;
	pthread_mutex_unlock(&d->lock);
}

static void keep(void *ctx, const struct credentials_query *q, const uint8_t *data, size_t len, int64_t until)
{
	store(ctx, q, data, len, until);
}

/* 1: from the cache; -1: not to be tried now; 0: go and fetch, a place is taken. */
static int begin(struct documents *d, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	struct entry *e;
	int rc = 0;

	pthread_mutex_lock(&d->lock);
	e = find(d, q);
	if (d->stopping) {
		rc = -1;
	} else if (e && e->until > wall(NULL)) {
		*ret_data = e->data ? copy(e->data, e->len) : NULL;
		*ret_len = e->len;
		rc = *ret_data ? 1 : -1;
	} else if (d->at_once >= AT_ONCE_MAX) {
		rc = -1;
	} else {
		d->at_once++;
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

/* Room for len more octets; it doubles, for a large list comes in hundreds of pieces. */
static bool grow(struct incoming *in, size_t len)
{
	size_t room = in->room ? in->room : DOCUMENT_FIRST;
	uint8_t *more;

	if (len > DOCUMENT_MAX - in->len)
		return false;
	if (len <= in->room - in->len)
		return true;
	while (room < in->len + len)
		room *= 2;
	more = realloc(in->data, room);
	if (!more)
		return false;
	in->data = more;
	in->room = room;
	return true;
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct incoming *in = ctx;
	size_t len = size * n;

	if (!len || !grow(in, len))
		return 0;
	memcpy(in->data + in->len, data, len);
	in->len += len;
	return len;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t e)
{
	struct incoming *in = ctx;
	bool stop;

	(void)a;
	(void)b;
	(void)c;
	(void)e;
	pthread_mutex_lock(&in->d->lock);
	stop = in->d->stopping;
	pthread_mutex_unlock(&in->d->lock);
	return stop;
}

/* ms: all of it, the name's lookup and the connection too. */
static int transfer(
    CURL *c, struct curl_slist *headers, const struct credentials_query *q, int64_t ms, struct incoming *in)
{
	long status = 0;
	CURLcode rc;

	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)ms);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)DOCUMENT_MAX);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, in);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, in);
	if (q->type) {
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)q->body_len);
	}
	rc = curl_easy_perform(c);
	in->late = rc == CURLE_OPERATION_TIMEDOUT;
	if (rc != CURLE_OK || curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		return -1;
	return status == 200 && in->len ? 0 : -1;
}

static int fetch(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	struct documents *d = ctx;
	struct incoming in = { .d = d };
	char header[80] = "";
	struct curl_slist *headers;
	int64_t left = mdur_to_ms(mtime_since(q->until, clock_now()));
	CURL *c;
	int rc;

	if (left <= 0)
		return -1;
	rc = begin(d, q, ret_data, ret_len);
	if (rc)
		return rc > 0 ? 0 : -1;
	if (q->type)
		snprintf(header, sizeof(header), "Content-Type: %s", q->type);
	headers = curl_slist_append(NULL, header);
	c = headers ? curl_easy_init() : NULL;
	rc = c ? transfer(c, headers, q, left < FETCH_MS ? left : FETCH_MS, &in) : -1;
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	pthread_mutex_lock(&d->lock);
	d->at_once--;
	pthread_mutex_unlock(&d->lock);
	if (rc) {
		free(in.data);
		/* Who had less than its time, because others before it were slow, has not failed. */
		if (left >= FETCH_MS || !in.late)
			store(d, q, NULL, 0, wall(NULL) + FAILED_SECONDS);
		return -1;
	}
	*ret_data = in.data;
	*ret_len = in.len;
	return 0;
}

struct documents *documents_new(int64_t earliest)
{
	struct documents *d = calloc(1, sizeof(*d));

	if (!d || curl_global_init(CURL_GLOBAL_NOTHING)) {
		free(d);
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	d->world = (struct credentials_world){
		.wall = wall, .earliest = earliest, .steady = steady, .fetch = fetch, .keep = keep, .ctx = d
	};
	return d;
}

const struct credentials_world *documents_world(const struct documents *d)
{
	return &d->world;
}

void documents_stop(struct documents *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_mutex_unlock(&d->lock);
}

void documents_free(struct documents *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		entry_clear(&d->entry[i]);
	pthread_mutex_destroy(&d->lock);
	curl_global_cleanup();
	free(d);
}
