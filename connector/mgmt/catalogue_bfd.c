/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong with BFD sessions, and with BGP sessions because of them.
 */
#include "connector/mgmt/catalogue_internal.h"

const struct catalogue_entry catalogue_bfd[] = {
	{
	    .id = "bfd-expired",
	    .means = "No BFD packet of the peer came for the whole detection time.",
	    .cause = { "the path to the peer is broken", "a firewall drops UDP 3784 (multihop: 4784)",
	        "the peer or its BFD stopped without a word",
	        "the intervals are too short for the path: packets are late rather than lost" },
	    .here = "bfd/min-rx and bfd/multiplier, when the path is only slow",
	    .there = "its BFD session for our address; its firewall",
	    .look = "`causeway bgp peer NAME`: bfd",
	},
	{
	    .id = "bfd-peer-down",
	    .means = "The peer's BFD says that the session is down.",
	    .cause = { "our packets don't reach it, though its reach us", "its BFD restarted" },
	    .here = "what may drop our packets to UDP 3784 (multihop: 4784)",
	    .there = "its firewall, and its own detection time",
	    .look = "`causeway bgp peer NAME`: bfd, remote-diagnostic",
	},
	{
	    .id = "bfd-peer-admin-down",
	    .means = "The peer's administrator has switched BFD off: no fault, and BGP stays up.",
	    .cause = { "a command or a change of configuration at the peer" },
	    .here = "nothing",
	},
	{
	    .id = "bfd-admin-down",
	    .means = "BFD is administratively down here.",
	    .cause = { "the BGP session it watches is stopped" },
	    .here = "nothing",
	},
	{
	    .id = "bgp-bfd-down",
	    .means = "BFD has found the path to the BGP peer broken, so the session ended at once.",
	    .cause = { "what BFD says in the text: no packets for the detection time, or the peer hears none "
	               "of ours" },
	    .here = "bfd, when the path is sound and only slow: longer intervals or a higher multiplier",
	    .there = "its BFD session for our address",
	    .look = "`causeway bgp peer NAME`: bfd",
	},
	{
	    .id = "bgp-bfd-waiting",
	    .means = "The BGP session waits until BFD is up, as bfd/strict says.",
	    .cause = { "the peer runs no BFD for our address, or only once BGP is up",
	        "a filter drops UDP 3784 (4784 with multihop)" },
	    .here = "bfd/strict false, if routes without BFD are better than none",
	    .there = "BFD for our address, started without BGP",
	    .look = "`causeway bgp peer NAME --json`: bfd",
	},
	{
	    .id = "bfd-port",
	    .means = "BFD's UDP port can't be had.",
	    .cause = { "another BFD daemon (FRR's bfdd, BIRD) runs in this network namespace" },
	    .here = "stop the other one, or switch bfd off here",
	    .look = "`ss -ulpn sport = :3784`",
	},
	{
	    .id = "bfd-socket",
	    .means = "A socket for BFD's packets can't be opened.",
	    .cause = { "the interface has gone", "too many open files" },
	    .here = "what the text names",
	},
	{
	    .id = "bfd-invalid",
	    .means = "A BFD session can't be as it is configured.",
	    .cause = { "an interval that can't be kept", "addresses that don't belong together" },
	    .here = "the bfd container of the BGP peer",
	},
	{
	    .id = "bfd-duplicate",
	    .means = "Two BFD sessions would have the same addresses.",
	    .cause = { "two BGP peers with the same pair of addresses" },
	    .here = "bgp/local-address or bgp/peer-address of one of them",
	},
	{
	    .id = "bfd-too-many",
	    .means = "There are more BFD sessions than one daemon takes.",
	    .cause = { "BFD is enabled for very many peers" },
	    .here = "bfd/enabled of those that don't need it",
	},
	{
	    .id = "bfd-out-of-memory",
	    .means = "Memory was out for a BFD session.",
	    .cause = { "the machine has too little memory" },
	    .here = "more memory",
	},
	{ .id = NULL },
};
