/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with configuration files, secrets and profiles. All of these are said by `causeway config
 * check`, before they can hurt.
 */
#include "connector/mgmt/catalogue_internal.h"

const struct catalogue_entry catalogue_config[] = {
	{
	    .id = "config-not-readable",
	    .means = "The configuration file can't be read.",
	    .cause = { "it does not exist, or its permissions forbid it" },
	    .here = "-c FILE, or its permissions",
	},
	{
	    .id = "config-syntax",
	    .means = "The file is no JSON.",
	    .cause = { "a comma or a quote is missing near the place named" },
	    .here = "the line and column named",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-not-configuration",
	    .means = "The file holds operational state, which can't be configured.",
	    .cause = { "the output of a query was taken for a configuration" },
	    .here = "`causeway config show` writes the configuration",
	},
	{
	    .id = "config-unknown-leaf",
	    .means = "The model has no leaf of this name.",
	    .cause = { "a misspelt name; the nearest is suggested" },
	    .here = "the name",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-wrong-type",
	    .means = "A value is of the wrong kind.",
	    .cause = { "a string where a number belongs, or the reverse" },
	    .here = "the value",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-wrong-value",
	    .means = "A value is not possible there.",
	    .cause = { "what the text says" },
	    .here = "the value",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-invalid-value",
	    .means = "A value is not possible there.",
	    .cause = { "what the text says" },
	    .here = "the value",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-missing-leaf",
	    .means = "A leaf that is needed is missing.",
	    .cause = { "it was forgotten" },
	    .here = "add it",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-duplicate",
	    .means = "A name or value stands twice.",
	    .cause = { "a copied block" },
	    .here = "one of the two",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-invalid",
	    .means = "The model refuses the configuration.",
	    .cause = { "what the text says" },
	    .here = "what the text names",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-not-supported",
	    .means = "The configuration asks for something that this version doesn't do.",
	    .cause = { "a leaf of a later version" },
	    .here = "leave it out",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-unknown-profile",
	    .means = "No profile has this name.",
	    .cause = { "a misspelt name" },
	    .here = "profile",
	    .look = "`causeway profile list`",
	},
	{
	    .id = "config-as-reserved",
	    .means = "An AS number is reserved, or the cloud refuses it.",
	    .cause = { "the cloud keeps it for itself" },
	    .here = "as",
	    .look = "`causeway profile show NAME`, reserved-as",
	    .cloud = { { "azure", "64512-65514 and 65521-65534 may be used on our side" } },
	},
	{
	    .id = "config-duplicate-interface",
	    .means = "Two tunnels name the same interface.",
	    .cause = { "a copied block" },
	    .here = "interface of one of them",
	},
	{
	    .id = "config-duplicate-tunnel",
	    .means = "Two tunnels have the same pair of addresses.",
	    .cause = { "a copied block" },
	    .here = "local-address or remote-address of one of them",
	},
	{
	    .id = "config-duplicate-peer",
	    .means =
	        "Two tunnels, or a tunnel and a LAN peer, have the same BGP peer; or two LAN peers are one.",
	    .cause = { "a copied block" },
	    .here = "bgp/peer-address of one of them",
	},
	{
	    .id = "config-too-many-prefixes",
	    .means = "More is announced than the gateway takes.",
	    .cause = { "announce is longer than the cloud's limit" },
	    .here = "announce: fewer, shorter prefixes",
	    .cloud = { { "azure", "4000 prefixes" },
	        { "aws", "100 on a virtual private gateway, 1000 on a transit gateway" },
	        { "gcp", "5000 a peer" } },
	},
	{
	    .id = "config-inside-address-differs",
	    .means = "Allowed, but odd: inside-address and bgp/local-address are not the same.",
	    .cause = { "one of the two is misspelt" },
	    .here = "inside-address or bgp/local-address",
	},
	{
	    .id = "config-weak-algorithm",
	    .means = "A proposal names an algorithm that is too weak to be used: 3DES, MD5, SHA-1, or MODP "
	             "below 2048 bits.",
	    .cause = { "it was copied from an old configuration",
	        "the gateway knows nothing better, as Azure without a custom policy" },
	    .here = "write the better algorithm that the text names; where the gateway can do no better, "
	            "take the profile "
	            "whose name ends in -legacy and set allow-weak in the tunnel",
	    .there = "the policy: AES-256, SHA-256, DH group 14 or better",
	    .look = "`causeway config check FILE` names file, path and value",
	},
	{
	    .id = "config-weak-allowed",
	    .means = "Allowed, but weak: this tunnel may use algorithms that can be broken.",
	    .cause = { "allow-weak is on, and the profile admits them" },
	    .here = "take allow-weak away, and the profile without -legacy, when the gateway's policy is a "
	            "better one",
	    .there = "the policy: AES-256, SHA-256, DH group 14 or better",
	},
	{
	    .id = "config-changed",
	    .means = "The configuration of the BGP router itself changed, so its sessions start anew.",
	    .cause = { "as or router-id was changed" },
	    .here = "nothing",
	},
	{
	    .id = "secret-file-missing",
	    .means = "The secret's file does not exist.",
	    .cause = { "a wrong path: a relative one counts from the configuration's folder" },
	    .here = "secret-file",
	},
	{
	    .id = "secret-file-permissions",
	    .means = "Others than its owner may read the secret's file.",
	    .cause = { "it was made with the usual permissions" },
	    .here = "chmod 600 FILE, and give it to the user that runs causewayd",
	},
	{
	    .id = "secret-file-not-readable",
	    .means = "The secret's file can't be read.",
	    .cause = { "it is no plain file, or belongs to somebody else" },
	    .here = "secret-file, or its owner",
	},
	{
	    .id = "secret-file-empty",
	    .means = "The secret's file is empty.",
	    .cause = { "the secret was not saved" },
	    .here = "put the key into it",
	},
	{
	    .id = "secret-file-too-long",
	    .means = "The secret's file is too large for a secret.",
	    .cause = { "it is another file" },
	    .here = "secret-file",
	},
	{
	    .id = "secret-file-odd-end",
	    .means = "Allowed, but odd: the secret ends in a blank or in more than one line end.",
	    .cause = { "an editor added it; it counts as part of the key" },
	    .here = "`printf %s 'KEY' > FILE`",
	},
	{
	    .id = "profile-not-readable",
	    .means = "A profile can't be read.",
	    .cause = { "it was removed, or its permissions forbid it" },
	    .here = "the installation",
	},
	{
	    .id = "profile-syntax",
	    .means = "A profile is no JSON.",
	    .cause = { "it was edited by hand" },
	    .here = "the line named",
	},
	{
	    .id = "profile-unknown",
	    .means = "No profile has this name.",
	    .cause = { "a misspelt name" },
	    .here = "profile",
	    .look = "`causeway profile list`",
	},
	{
	    .id = "profile-unknown-key",
	    .means = "A profile has a key that means nothing.",
	    .cause = { "a misspelt key" },
	    .here = "the key named",
	},
	{
	    .id = "profile-missing-key",
	    .means = "A profile lacks a key.",
	    .cause = { "it was edited by hand" },
	    .here = "the key named",
	},
	{
	    .id = "profile-unknown-source",
	    .means = "A profile's value names a source that is not listed.",
	    .cause = { "\"sources\" lacks it" },
	    .here = "add it to \"sources\"",
	},
	{
	    .id = "profile-wrong-value",
	    .means = "A profile's value is not possible.",
	    .cause = { "it was edited by hand" },
	    .here = "the value named",
	},
	{
	    .id = "yang-not-loaded",
	    .means = "The model of the configuration can't be loaded.",
	    .cause = { "the installation is not whole" },
	    .here = "reinstall; share/causeway/yang/causeway.yang must be there",
	},
	{
	    .id = "config-count",
	    .means = "A list has too many entries.",
	    .cause = { "more than the model allows" },
	    .here = "fewer entries",
	    .look = "docs/configuration.md",
	},
	{
	    .id = "config-dangling-reference",
	    .means = "A name refers to something that is not there.",
	    .cause = { "announce-from names a LAN peer that peer[] lacks" },
	    .here = "announce-from, or peer[]",
	},
	{ .id = NULL },
};
