/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tunnel waits for; these are no failures.
 */
#include "connector/mgmt/catalogue_internal.h"

const struct catalogue_entry catalogue_next[] = {
	{
	    .id = "next-bgp-up",
	    .means = "Its BGP session is down by command.",
	    .cause = { "`bgp down`" },
	    .here = "`causeway bgp up SITE/TUNNEL`",
	},
	{
	    .id = "next-admin-down",
	    .means = "It is down by command.",
	    .cause = { "`tunnel down`, or start manual" },
	    .here = "`causeway tunnel up SITE/TUNNEL`",
	},
	{
	    .id = "next-peer-initiates",
	    .means = "It waits for the peer to connect.",
	    .cause = { "role respond" },
	    .here = "role both, to connect ourselves",
	},
	{
	    .id = "next-retry",
	    .means = "It tries again at the time named.",
	    .cause = { "the last attempt failed: its error says why" },
	    .here = "what the error names",
	},
	{
	    .id = "next-ike-answer",
	    .means = "It waits for the first answer.",
	    .cause = { "the attempt has just begun" },
	    .here = "nothing yet",
	},
	{
	    .id = "next-ike-auth",
	    .means = "Identities and keys are being exchanged.",
	    .cause = { "the attempt has just begun" },
	    .here = "nothing yet",
	},
	{
	    .id = "next-packet",
	    .means = "The SAs are there; it waits for the first packet from the far side.",
	    .cause = { "nothing has been sent from there yet",
	        "the far side routes elsewhere, or drops what comes out of its tunnel" },
	    .here = "nothing",
	    .there = "its routes to our networks, and its firewall inside the tunnel",
	    .look = "`causeway tunnel show`: do the outbound counters move?",
	},
	{
	    .id = "next-bgp-open",
	    .means = "Traffic passes; it waits for the BGP session.",
	    .cause = { "the peer's BGP is off, or expects other addresses or AS numbers" },
	    .here = "bgp/local-address, bgp/peer-address, bgp/peer-as",
	    .there = "the BGP peer for our address",
	    .look = "`causeway explain bgp-connect-failed`",
	},
	{
	    .id = "next-bgp-established",
	    .means = "BGP is negotiating.",
	    .cause = { "it has just begun" },
	    .here = "nothing yet",
	},
	{
	    .id = "next-in-fib",
	    .means = "Learned routes are on their way into the kernel.",
	    .cause = { "there are many" },
	    .here = "nothing yet",
	    .look = "`causeway fib show`",
	},
	{
	    .id = "next-routes",
	    .means = "Static routes are on their way into the kernel.",
	    .cause = { "it has just begun" },
	    .here = "nothing yet",
	},
	{
	    .id = "next-packet-out",
	    .means = "It starts with the first packet into the tunnel.",
	    .cause = { "start on-demand" },
	    .here = "nothing, or `causeway tunnel up SITE/TUNNEL`",
	},
	{
	    .id = "next-name",
	    .means = "It waits until the gateway's name gives an address.",
	    .cause = { "see name-not-resolved" },
	    .here = "as with name-not-resolved",
	    .look = "`getent ahosts NAME`",
	},
	{ .id = NULL },
};
