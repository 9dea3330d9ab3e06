/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendor presets: what holds for a tunnel unless the tunnel says otherwise. A preset is a JSON file; each
 * value in it stands beside its public source. Loading checks everything (unknown keys, types, ranges,
 * notation, sources, plausibility), so that a struct profile is always whole. README.md describes the file.
 *
 * Reasons name the file, the JSON path, the value and what to do. Their ids: profile-not-readable,
 * profile-syntax, profile-unknown-key, profile-missing-key, profile-wrong-value, profile-unknown-source,
 * profile-unknown. Any thread may read a loaded set.
 */
#ifndef CW_PROFILES_PROFILE_H
#define CW_PROFILES_PROFILE_H

#include "base/mtime.h"
#include "base/reason.h"
#include "ike/proposal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_NAME_MAX      64
#define PROFILE_AS_RANGES_MAX 32
#define PROFILE_FILE_MAX      (256 * 1024) /* bytes */
#define PROFILES_MAX          256          /* in a directory */

enum profile_role { PROFILE_ROLE_BOTH, PROFILE_ROLE_INITIATE, PROFILE_ROLE_RESPOND };

struct profile_as_range {
	uint32_t first, last; /* inclusive */
};

struct profile {
	char id[PROFILE_NAME_MAX + 1];    /* the file's name without .json */
	char cloud[PROFILE_NAME_MAX + 1]; /* "azure", "generic" */
	char title[128], note[512];
	enum profile_role role;
	struct ike_proposals ike_proposals, esp_proposals; /* best first */
	mdur ike_lifetime, esp_lifetime;                   /* 0: none */
	uint64_t esp_lifekbytes;                           /* 0: none */
	const char *weak[IKE_WEAK_MAX]; /* a legacy twin: the weak algorithms it admits, as "sha1"; static */
	unsigned n_weak;
	bool no_rehearsal; /* the gateway minds a rekey seconds after the tunnel is up */
	bool force_encap;
	bool no_ike_fragmentation;                /* the gateway minds fragments of IKE messages (RFC 7383) */
	bool mobike;                              /* the gateway knows RFC 4555 */
	mdur liveness_interval, liveness_timeout; /* 0: none; by retransmissions */
	uint32_t mtu, mss;                        /* bytes; mss 0: no clamp */
	uint32_t peer_as;                         /* the gateway's AS; 0: not known */
	mdur hold_time, keepalive, connect_retry;
	uint32_t max_prefixes;     /* that we accept; 0: no limit */
	uint32_t max_prefixes_out; /* that the gateway bears; 0: no limit known */
	bool accept_default;
	struct profile_as_range reserved_as[PROFILE_AS_RANGES_MAX]; /* that the gateway refuses as ours */
	unsigned n_reserved_as;
	char proposal_hint[700]; /* the cloud's command that sets a policy we offer; may be empty */
	char *json;              /* the file, pretty-printed, sources included; owned */
};

/* The directory that profiles_load(NULL) reads: $CAUSEWAY_PROFILES, the source's or the installed one.
 * Returns buf. */
const char *profiles_dir(char *buf, size_t cap);

/* All *.json of a directory, sorted by id; dir NULL: profiles_dir. One bad file fails the whole. NULL with a
 * reason. */
struct profiles;
struct profiles *profiles_load(const char *dir, struct reason *ret_reason);
void profiles_free(struct profiles *ps);
size_t profiles_count(const struct profiles *ps);
const struct profile *profiles_at(const struct profiles *ps, size_t i);
/* NULL, with the reason "profile-unknown" that lists what there is. */
const struct profile *profiles_find(const struct profiles *ps, const char *id, struct reason *ret_reason);

/* One file (`profile check`). Freed with profile_free. */
struct profile *profile_load_file(const char *path, struct reason *ret_reason);
/* source_name is for reasons; the id must equal its last part without ".json". */
struct profile *profile_parse(
    const char *text, size_t len, const char *source_name, struct reason *ret_reason);
void profile_free(struct profile *p);

/* Whether this is a legacy twin that admits the weak algorithm (ike_proposal_weak names them). */
bool profile_admits(const struct profile *p, const char *weak);
/* The legacy twin of a profile: ID-legacy, else generic-ikev2-legacy, else NULL. */
const struct profile *profiles_legacy_twin(const struct profiles *ps, const struct profile *p);
/* Whether the gateway refuses this AS as ours. */
bool profile_as_reserved(const struct profile *p, uint32_t as);

#endif
