/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What befalls single BGP sessions: peers that restart, refreshes, keepalives.
 */
#include "connector/mgmt/catalogue_internal.h"

const struct catalogue_entry catalogue_bgp_session[] = {
	{
	    .id = "bgp-peer-restarted",
	    .means = "The peer has restarted and connected anew, before its old session was missed.",
	    .cause = { "its BGP daemon was restarted; it can do so gracefully (RFC 4724)" },
	    .here = "nothing: its routes stay in use until it has told them again",
	    .look = "`causeway bgp peer NAME`: graceful-restart",
	},
	{
	    .id = "bgp-restart-expired",
	    .means = "The peer did not come back within its restart time, so the routes kept for it were "
	             "withdrawn.",
	    .cause = { "it is down for longer than a restart takes",
	        "the tunnel passes, but TCP to the peer does not" },
	    .here = "graceful-restart/stale-time is the longest we wait; the peer's own restart time is the "
	            "other limit",
	    .look = "`causeway bgp peer NAME`",
	},
	{
	    .id = "bgp-stale-expired",
	    .means = "The peer is back, but did not say that its table is complete; what it has not told "
	             "again was withdrawn.",
	    .cause = { "it sends no End-of-RIB", "its table takes longer than graceful-restart/stale-time" },
	    .here = "graceful-restart/stale-time",
	    .look = "`causeway bgp peer NAME`",
	},
	{
	    .id = "bgp-refresh-unended",
	    .means = "The peer began to tell its routes again and did not say that it was done; what it left "
	             "out was withdrawn.",
	    .cause = { "a fault of the peer's (RFC 7313 asks for an EoRR)" },
	    .here = "`causeway bgp refresh NAME` asks for all of it once more",
	    .look = "`causeway bgp peer NAME`",
	},
	{
	    .id = "bgp-keepalives-sparse",
	    .means = "The peer sends its keepalives so far apart that one lost or late ends the session.",
	    .cause = { "its keepalive interval is more than half of the hold time that was agreed" },
	    .here = "hold-time: the lower of both sides' counts",
	    .look = "`causeway bgp peer NAME`: keepalive-gap",
	},
	{
	    .id = "bgp-connect-unanswered",
	    .means = "The peer's address answers no attempt to connect, not even by a refusal.",
	    .cause = { "the peer or the way to it is down", "a filter drops TCP port 179",
	        "the password (TCP MD5 signatures) differs, or is set on one side only",
	        "ttl-security is set on one side only" },
	    .here = "bgp/password-file, bgp/peer-address",
	    .look = "`causeway bgp peer NAME`, `nstat -az TcpExtTCPMD5*`",
	},
	{
	    .id = "tcp-password-refused",
	    .means = "The kernel does not take the password of a BGP session.",
	    .cause = { "it was built without CONFIG_TCP_MD5SIG", "it runs in FIPS mode, which has no MD5" },
	    .here = "bgp/password-file: take it out on both sides, and rely on the tunnel",
	},
	{
	    .id = "tcp-password-too-long",
	    .means = "The password of a BGP session is longer than TCP takes.",
	    .cause = { "more than 80 octets in the file" },
	    .here = "bgp/password-file",
	},
	{
	    .id = "tcp-hops-refused",
	    .means = "The kernel does not take the hop limits of a BGP session.",
	    .cause = { "a kernel without IP_MINTTL or IPV6_MINHOPCOUNT" },
	    .here = "bgp/ttl-security, bgp/multihop",
	},
	{
	    .id = "tcp-timeout-refused",
	    .means = "The kernel does not take the timeout of a BGP session.",
	    .cause = { "a kernel without TCP_USER_TIMEOUT" },
	    .here = "bgp/send-hold-time",
	},
	{
	    .id = "bgp-message-invalid",
	    .means = "The words for the peer can't be sent.",
	    .cause = { "more than 255 octets, or no UTF-8 (RFC 9003)" },
	    .here = "the message",
	},
	{ .id = NULL },
};
