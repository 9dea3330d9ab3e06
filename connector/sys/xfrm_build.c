/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFRM requests as bytes (linux/xfrm.h). States are ESP in tunnel mode, for inner packets of both families
 * (XFRM_STATE_AF_UNSPEC with an empty selector: what may pass is the policies' business). The kernel's
 * defaults are what RFC 4301 5.1.2 asks for and stay: DSCP is copied outwards and not inwards, ECN by RFC
 * 6040, and DF is the inner packet's, with path MTU discovery. The replay window always comes by
 * XFRMA_REPLAY_ESN_VAL, the only one that can be wider than 32.
 */
#include "connector/sys/xfrm.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAPPING_REPORT_S 1 /* while a moved peer isn't followed: so often, not once a packet */

static uint16_t af_of(const struct addr *a)
{
	return a->family == 6 ? AF_INET6 : AF_INET;
}

static void put_addr(xfrm_address_t *to, const struct addr *a)
{
	memcpy(to, a->b, addr_size(a));
}

static const char *encr_name(enum encr_id id)
{
	switch (id) {
	case ENCR_3DES: return "cbc(des3_ede)";
	case ENCR_AES_CBC: return "cbc(aes)";
	case ENCR_AES_GCM_16: return "rfc4106(gcm(aes))";
	case ENCR_NULL: return "ecb(cipher_null)";
	case ENCR_NONE: break;
	}
	return NULL;
}

static const char *integ_name(enum integ_id id)
{
	switch (id) {
	case INTEG_HMAC_MD5_96: return "hmac(md5)";
	case INTEG_HMAC_SHA1_96: return "hmac(sha1)";
	case INTEG_HMAC_SHA2_256_128: return "hmac(sha256)";
	case INTEG_HMAC_SHA2_384_192: return "hmac(sha384)";
	case INTEG_HMAC_SHA2_512_256: return "hmac(sha512)";
	case INTEG_NONE: break;
	}
	return NULL;
}

static void put_with_key(
    struct nlmsghdr *nlh, uint16_t type, const void *head, size_t head_len, const uint8_t *key, size_t len)
{
	uint8_t buf[sizeof(struct xfrm_algo_auth) + CRYPTO_MAX_INTEG_KEY + CRYPTO_MAX_ENCR_KEY];

	memcpy(buf, head, head_len);
	if (len)
		memcpy(buf + head_len, key, len);
	mnl_attr_put(nlh, type, head_len + len, buf);
	cleanse(buf, sizeof(buf));
}

static bool put_encryption(struct nlmsghdr *nlh, const struct xfrm_state_params *p)
{
	const char *name = encr_name(p->encr);
	struct encr_info info;
	size_t len;

	if (!name || !encr_info(p->encr, p->encr_key_bits, &info))
		return false;
	len = (size_t)info.key_len + info.salt_len;
	if (info.aead) {
		struct xfrm_algo_aead a = { .alg_key_len = (unsigned)len * 8,
			.alg_icv_len = info.icv_len * 8U };

		snprintf(a.alg_name, sizeof(a.alg_name), "%s", name);
		put_with_key(nlh, XFRMA_ALG_AEAD, &a, sizeof(a), p->encr_key, len);
	} else {
		struct xfrm_algo a = { .alg_key_len = (unsigned)len * 8 };

		snprintf(a.alg_name, sizeof(a.alg_name), "%s", name);
		put_with_key(nlh, XFRMA_ALG_CRYPT, &a, sizeof(a), p->encr_key, len);
	}
	return info.aead == (p->integ == INTEG_NONE);
}

/* The lengths of RFC 4868; without "trunc" the kernel would cut SHA-256 to 96 bits, as an old draft did. */
static bool put_integrity(struct nlmsghdr *nlh, const struct xfrm_state_params *p)
{
	const char *name = integ_name(p->integ);
	struct xfrm_algo_auth a = { 0 };
	struct integ_info info;

	if (p->integ == INTEG_NONE)
		return true;
	if (!name || !integ_info(p->integ, &info))
		return false;
	snprintf(a.alg_name, sizeof(a.alg_name), "%s", name);
	a.alg_key_len = info.key_len * 8U;
	a.alg_trunc_len = info.icv_len * 8U;
	put_with_key(nlh, XFRMA_ALG_AUTH_TRUNC, &a, sizeof(a), p->integ_key, info.key_len);
	return true;
}

static void put_replay(struct nlmsghdr *nlh, const struct xfrm_state_params *p)
{
	const struct xfrm_replay_pos *at = p->go_on;
	uint32_t words = (p->replay_window + 31) / 32, seen[XFRM_REPLAY_WORDS_MAX] = { 0 };
	struct xfrm_replay_state_esn head = { 0 };
	uint8_t buf[sizeof(head) + sizeof(seen)];

	words = words < 1 ? 1 : words > XFRM_REPLAY_WORDS_MAX ? XFRM_REPLAY_WORDS_MAX : words;
	head.bmp_len = words;
	head.replay_window = words * 32;
	if (at) {
		head.oseq = (uint32_t)at->out;
		head.oseq_hi = (uint32_t)(at->out >> 32);
		head.seq = (uint32_t)at->in;
		head.seq_hi = (uint32_t)(at->in >> 32);
	}
	if (at && at->window == head.replay_window)
		memcpy(seen, at->seen, words * sizeof(seen[0]));
	memcpy(buf, &head, sizeof(head));
	memcpy(buf + sizeof(head), seen, words * sizeof(seen[0]));
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(head) + words * sizeof(seen[0]), buf);
}

static void put_encap(struct nlmsghdr *nlh, const struct xfrm_state_params *p)
{
	const struct xfrm_encap_tmpl t = { .encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(p->encap_sport),
		.encap_dport = htons(p->encap_dport) };

	if (!p->encap)
		return;
	mnl_attr_put(nlh, XFRMA_ENCAP, sizeof(t), &t);
	mnl_attr_put_u32(nlh, XFRMA_MTIMER_THRESH, MAPPING_REPORT_S);
}

static void put_offload(struct nlmsghdr *nlh, const struct xfrm_state_params *p)
{
	const struct xfrm_user_offload o = { .ifindex = (int)p->offload_ifindex,
		.flags = (uint8_t)((p->src.family == 6 ? XFRM_OFFLOAD_IPV6 : 0) |
		                   (p->offload_inbound ? XFRM_OFFLOAD_INBOUND : 0)) };

	if (p->offload_ifindex && !p->encap)
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(o), &o);
}

static void no_limits(struct xfrm_lifetime_cfg *l)
{
	l->soft_byte_limit = l->hard_byte_limit = XFRM_INF;
	l->soft_packet_limit = l->hard_packet_limit = XFRM_INF;
}

struct nlmsghdr *xfrm_build_state(void *buf, const struct xfrm_state_params *p, bool update)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_info *sa;

	nlh->nlmsg_type = update ? XFRM_MSG_UPDSA : XFRM_MSG_NEWSA;
	nlh->nlmsg_flags = (uint16_t)(update ? NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL);
	sa = mnl_nlmsg_put_extra_header(nlh, sizeof(*sa));
	put_addr(&sa->saddr, &p->src);
	put_addr(&sa->id.daddr, &p->dst);
	sa->id.spi = htonl(p->spi);
	sa->id.proto = IPPROTO_ESP;
	no_limits(&sa->lft);
	if (p->soft_packets)
		sa->lft.soft_packet_limit = p->soft_packets;
	sa->lft.hard_add_expires_seconds = p->hard_seconds;
	sa->reqid = p->reqid;
	sa->family = af_of(&p->dst);
	sa->mode = XFRM_MODE_TUNNEL;
	sa->flags = (uint8_t)(XFRM_STATE_AF_UNSPEC | (p->esn ? XFRM_STATE_ESN : 0) |
	                      (p->no_df ? XFRM_STATE_NOPMTUDISC : 0) | (p->no_ecn ? XFRM_STATE_NOECN : 0));
	if (!put_encryption(nlh, p) || !put_integrity(nlh, p))
		return NULL;
	put_replay(nlh, p);
	put_encap(nlh, p);
	put_offload(nlh, p);
	if (p->no_dscp)
		mnl_attr_put_u32(nlh, XFRMA_SA_EXTRA_FLAGS, XFRM_SA_XFLAG_DONT_ENCAP_DSCP);
	mnl_attr_put_u32(nlh, XFRMA_IF_ID, p->if_id);
	mnl_attr_put_u32(nlh, XFRMA_REPLAY_THRESH, p->event_packets);
	mnl_attr_put_u32(nlh, XFRMA_ETIMER_THRESH, 0); /* no events by time */
	return nlh;
}

struct nlmsghdr *xfrm_build_state_id(void *buf, uint16_t type, const struct addr *dst, uint32_t spi)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_id *id;

	nlh->nlmsg_type = type;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	put_addr(&id->daddr, dst);
	id->spi = htonl(spi);
	id->family = af_of(dst);
	id->proto = IPPROTO_ESP;
	return nlh;
}

struct nlmsghdr *xfrm_build_state_events(void *buf, const struct addr *dst, uint32_t spi, uint32_t packets)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_aevent_id *id;

	nlh->nlmsg_type = XFRM_MSG_NEWAE;
	nlh->nlmsg_flags = NLM_F_REPLACE;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	put_addr(&id->sa_id.daddr, dst);
	id->sa_id.spi = htonl(spi);
	id->sa_id.family = af_of(dst);
	id->sa_id.proto = IPPROTO_ESP;
	mnl_attr_put_u32(nlh, XFRMA_REPLAY_THRESH, packets);
	mnl_attr_put_u32(nlh, XFRMA_ETIMER_THRESH, 0);
	return nlh;
}

static void put_flow(struct xfrm_selector *to, const struct xfrm_flow *f)
{
	put_addr(&to->saddr, &f->src.addr);
	put_addr(&to->daddr, &f->dst.addr);
	to->prefixlen_s = f->src.len;
	to->prefixlen_d = f->dst.len;
	to->family = af_of(&f->src.addr);
	to->proto = f->protocol;
	to->sport = htons(f->sport);
	to->sport_mask = htons(f->sport_mask);
	to->dport = htons(f->dport);
	to->dport_mask = htons(f->dport_mask);
}

struct nlmsghdr *xfrm_build_rule(void *buf, const struct xfrm_rule *r)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_user_tmpl t = { .reqid = r->reqid, .family = af_of(&r->dst), .mode = XFRM_MODE_TUNNEL };
	struct xfrm_userpolicy_info *p;

	nlh->nlmsg_type = XFRM_MSG_UPDPOLICY;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));
	put_flow(&p->sel, &r->flow);
	no_limits(&p->lft);
	p->priority = r->priority;
	p->dir = (uint8_t)r->dir;
	p->action = XFRM_POLICY_ALLOW;
	p->share = XFRM_SHARE_ANY;
	put_addr(&t.saddr, &r->src);
	put_addr(&t.id.daddr, &r->dst);
	t.id.spi = htonl(r->spi);
	t.id.proto = IPPROTO_ESP;
	t.aalgos = t.ealgos = t.calgos = UINT32_MAX;
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(t), &t);
	mnl_attr_put_u32(nlh, XFRMA_IF_ID, r->if_id);
	return nlh;
}

struct nlmsghdr *xfrm_build_rule_del(void *buf, const struct xfrm_rule *r)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_userpolicy_id *id;

	nlh->nlmsg_type = XFRM_MSG_DELPOLICY;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	put_flow(&id->sel, &r->flow);
	id->dir = (uint8_t)r->dir;
	mnl_attr_put_u32(nlh, XFRMA_IF_ID, r->if_id);
	return nlh;
}
