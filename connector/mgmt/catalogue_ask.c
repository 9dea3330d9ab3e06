/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command line and the management API say about questions.
 */
#include "connector/mgmt/catalogue_internal.h"

const struct catalogue_entry catalogue_ask[] = {
	{
	    .id = "usage",
	    .means = "The command line can't be understood.",
	    .cause = { "a misspelt command or option; the nearest is suggested" },
	    .here = "the command",
	    .look = "`causeway help`",
	},
	{
	    .id = "argument-too-long",
	    .means = "A name is too long.",
	    .cause = { "it is no name of ours" },
	    .here = "the name",
	},
	{
	    .id = "tunnel-name",
	    .means = "A tunnel's name is no text.",
	    .cause = { "bytes that are no UTF-8" },
	    .here = "the name: SITE/TUNNEL",
	},
	{
	    .id = "no-such-tunnel",
	    .means = "There is no tunnel of this name.",
	    .cause = { "a misspelt name" },
	    .here = "the name: SITE/TUNNEL",
	    .look = "`causeway tunnel list`",
	},
	{
	    .id = "no-such-peer",
	    .means = "There is no BGP peer of this name.",
	    .cause = { "a misspelt name" },
	    .here = "the name: SITE/TUNNEL, or a LAN peer's",
	    .look = "`causeway bgp summary`",
	},
	{
	    .id = "invalid-community",
	    .means = "What was asked for is no community.",
	    .cause = { "a misspelt number or name" },
	    .here =
	        "65001:100, 65001:1:2, rt:65001:100, soo:192.0.2.1:7, no-export and so on; * is any number",
	},
	{
	    .id = "no-child-sa",
	    .means = "There is no child SA to rekey.",
	    .cause = { "the tunnel is not up" },
	    .here = "nothing",
	    .look = "`causeway explain SITE/TUNNEL`",
	},
	{
	    .id = "operation-failed",
	    .means = "An operation failed.",
	    .cause = { "what the text says" },
	    .here = "what the text names",
	    .look = "the log of causewayd (journalctl -u causewayd)",
	},
	{
	    .id = "daemon-unreachable",
	    .means = "causewayd can't be reached.",
	    .cause = { "it does not run", "-s SOCKET is another", "this user may not use the socket" },
	    .here = "start it, or say -s SOCKET",
	    .look = "`systemctl status causewayd`",
	},
	{
	    .id = "daemon-silent",
	    .means = "causewayd takes connections but does not answer.",
	    .cause = { "it is stuck or stopped" },
	    .here = "restart it, and report it",
	    .look = "the log of causewayd (journalctl -u causewayd)",
	},
	{
	    .id = "answer-cut",
	    .means = "The daemon's answer broke off.",
	    .cause = { "it stopped just now" },
	    .here = "ask again",
	},
	{
	    .id = "answer-not-understood",
	    .means = "What answered is no causewayd, or one of another version.",
	    .cause = { "another program's socket" },
	    .here = "-s SOCKET",
	},
	{
	    .id = "answer-too-large",
	    .means = "The daemon's answer is larger than this program takes at once.",
	    .cause = { "memory is out" },
	    .here = "ask for less",
	},
	{
	    .id = "http-error",
	    .means = "The daemon answered with an HTTP error.",
	    .cause = { "it is of another version than this program" },
	    .here = "the same version of both",
	},
	{
	    .id = "failed",
	    .means = "The daemon refused without an id.",
	    .cause = { "it is of another version than this program" },
	    .here = "the same version of both",
	},
	{
	    .id = "invalid-input",
	    .means = "An operation's body is not what it must be.",
	    .cause = { "a client of another version" },
	    .here = "the body",
	},
	{
	    .id = "malformed-body",
	    .means = "A request's body is no JSON.",
	    .cause = { "a client's fault" },
	    .here = "the body",
	},
	{
	    .id = "body-too-large",
	    .means = "A request's body is too large.",
	    .cause = { "a client's fault" },
	    .here = "the body",
	},
	{
	    .id = "invalid-key",
	    .means = "A resource's key is missing or can't be read.",
	    .cause = { "a client's fault" },
	    .here = "the path",
	},
	{
	    .id = "invalid-parameter",
	    .means = "A query names a parameter that is not there.",
	    .cause = { "a client's fault" },
	    .here = "the query",
	},
	{
	    .id = "invalid-peer",
	    .means = "A query names no peer.",
	    .cause = { "a client's fault" },
	    .here = "the query",
	},
	{
	    .id = "invalid-prefix",
	    .means = "A query names no prefix.",
	    .cause = { "a client's fault" },
	    .here = "a prefix like 10.0.0.0/16",
	},
	{
	    .id = "invalid-view",
	    .means = "A query names no view.",
	    .cause = { "a client's fault" },
	    .here = "best, received, advertised, rejected or withheld",
	},
	{
	    .id = "unknown-view",
	    .means = "A query names no view.",
	    .cause = { "a client's fault" },
	    .here = "best, received, advertised, rejected or withheld",
	},
	{
	    .id = "method-not-allowed",
	    .means = "The resource can't be used with this method.",
	    .cause = { "a client's fault" },
	    .here = "the method: the answer's Allow header",
	},
	{
	    .id = "no-such-resource",
	    .means = "There is no such resource.",
	    .cause = { "a client of another version" },
	    .here = "the path",
	},
	{
	    .id = "routes-not-available",
	    .means = "Routes can't be shown now.",
	    .cause = { "BGP is not configured, or memory is out" },
	    .here = "as",
	},
	{
	    .id = "too-many-streams",
	    .means = "Too many long answers are under way at once.",
	    .cause = { "many clients" },
	    .here = "ask again when one has ended",
	},
	{
	    .id = "unknown-reason",
	    .means = "There is neither a tunnel nor a reason of this name.",
	    .cause = { "a misspelt name" },
	    .here = "the name: SITE/TUNNEL, or an id as errors show it in brackets",
	    .look = "`causeway status`; docs/explain.md",
	},
	{ .id = NULL },
};
