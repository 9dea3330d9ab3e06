/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On demand: a tunnel without an SA whose packets mean that it is wanted. The first of them asks for it by an
 * event; it and those behind it, up to a bound, are kept and leave by the new SA as soon as there is one, so
 * that not even a single ping is lost. The memory is made when the tunnel is armed, none per packet. What has
 * waited longer than PU_KEPT_FOR helps nobody any more and is dropped.
 *
 * Packets to many (multicast, broadcast) wake nobody: machines send them on every interface by themselves.
 */
#include "connector/daemon/plane_impl.h"
#include "connector/daemon/plane_user_internal.h"

#include <stdlib.h>
#include <string.h>

struct pu_keep *pu_keep_new(void)
{
	struct pu_keep *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->data = calloc(PU_KEPT_MAX, sizeof(*k->data));
	if (!k->data) {
		free(k);
		return NULL;
	}
	return k;
}

void pu_keep_free(struct pu_keep *k)
{
	if (!k)
		return;
	free(k->data);
	free(k);
}

bool pu_keep_put(struct pu_worker *w, struct pu_tunnel *t, const uint8_t *data, size_t len)
{
	struct pu_keep *k = t->keep;
	struct pu_event e = { .kind = PU_TRIGGER, .tunnel = t->id };

	if (!k || !plane_to_one(data, len))
		return false;
	if (!k->asked)
		k->asked = pu_queue_push(w->queue, &e);
	if (k->n == PU_KEPT_MAX || len > sizeof(*k->data))
		return false;
	memcpy(k->data[k->n], data, len);
	k->at[k->n] = w->now;
	k->len[k->n++] = len;
	return true;
}

unsigned pu_keep_take(struct pu_worker *w, struct pu_tunnel *t)
{
	struct pu_keep *k = t->keep;
	struct pu_batch *b = &w->batch;
	unsigned n = 0;

	if (!k)
		return 0;
	for (unsigned i = 0; i < k->n; i++) {
		if (mtime_since(w->now, k->at[i]).ns > PU_KEPT_FOR.ns) {
			t->counters.drops[PLANE_DROP_NO_SA]++;
			continue;
		}
		memcpy(&b->slots[n][PU_SLOT_FRONT], k->data[i], k->len[i]);
		b->pkts[n] = (struct esp_pkt){
			.buf = b->slots[n], .cap = PU_SLOT, .off = PU_SLOT_FRONT, .len = k->len[i]
		};
		n++;
	}
	k->n = 0;
	k->asked = false;
	return n;
}
