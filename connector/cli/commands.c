/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of commands as one table. What is not in it does not exist: parsing, help, "did you mean" and the
 * tests all read this table and nothing else.
 */
#include "connector/cli/commands.h"

static const struct cli_option status_options[] = {
	{ "check", 0, NULL, "exit 6 unless each site with a tunnel that is to be up is ok" },
	{ "watch", 0, NULL,
	    "redraw every second until interrupted; a line for each change when not on a terminal" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option up_options[] = {
	{ "wait", 0, NULL, "wait until the tunnel's routes are in the kernel (the default)" },
	{ "no-wait", 0, NULL, "only tell the daemon" },
	{ "timeout", 0, "SECONDS", "how long to wait (60); implies --wait" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option down_options[] = {
	{ "wait", 0, NULL, "wait until the tunnel is down" },
	{ "no-wait", 0, NULL, "only tell the daemon (the default)" },
	{ "timeout", 0, "SECONDS", "how long to wait (60); implies --wait" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option rekey_options[] = {
	{ "ike", 0, NULL, "replace the IKE SA instead" },
	{ "wait", 0, NULL, "wait until the SA has been replaced" },
	{ "no-wait", 0, NULL, "only tell the daemon (the default)" },
	{ "timeout", 0, "SECONDS", "how long to wait (60); implies --wait" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option monitor_options[] = {
	{ "peer", 0, "NAME", "only of this peer: SITE/TUNNEL, or a LAN peer's name" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option dump_options[] = {
	{ "format", 0, "FORMAT", "mrt, the only one there is" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option told_options[] = {
	{ "wait", 0, NULL, "wait until every established peer has been told (the default)" },
	{ "no-wait", 0, NULL, "only tell the daemon" },
	{ "timeout", 0, "SECONDS", "how long to wait (60); implies --wait" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option refresh_options[] = {
	{ "in", 0, NULL, "ask the peer for its routes again (RFC 2918; the default)" },
	{ "out", 0, NULL, "tell the peer ours again" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option bgp_up_options[] = {
	{ "wait", 0, NULL, "wait until the session is Established (the default)" },
	{ "no-wait", 0, NULL, "only tell the daemon" },
	{ "timeout", 0, "SECONDS", "how long to wait (60); implies --wait" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option bgp_down_options[] = {
	{ "message", 0, "TEXT", "for the operator of the far side, at most 255 bytes (RFC 9003)" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option routes_options[] = {
	{ "peer", 0, "NAME", "only what this peer sent us or is sent: SITE/TUNNEL, or a LAN peer's name" },
	{ "received", 0, NULL, "as received, before our own rules" },
	{ "advertised", 0, NULL, "what we announce" },
	{ "best", 0, NULL, "what was chosen (the default)" },
	{ "rejected", 0, NULL,
	    "what we refused, and why; with --advertised, what peers are not told, and why" },
	{ "why", 0, NULL,
	    "of PREFIX alone: each route that there is and what became of it, whom we told, whom not and "
	    "why" },
	{ "exact", 0, NULL, "PREFIX alone" },
	{ "longer", 0, NULL, "PREFIX and what lies inside it (the default)" },
	{ "covering", 0, "ADDRESS", "the longest prefix that has this address" },
	{ "community", 0, "C",
	    "that carry it: 65001:100, 65001:1:2, rt:65001:100, no-export; * is any number" },
	{ "as", 0, "N", "with this AS anywhere in the path" },
	{ "origin-as", 0, "N", "with this AS at the path's end" },
	{ "neighbour-as", 0, "N", "with this AS at the path's beginning" },
	{ "count", 0, NULL, "only how many there are" },
	{ NULL, 0, NULL, NULL },
};

const struct cli_command cli_commands[] = {
	{ NULL, "status", "", 0, 0, status_options, "what works, what doesn't, and what comes next",
	    "Shows each site with its tunnels: how far each has come on the ladder\n"
	    "  down connecting authenticating child passing bgp-open bgp-established in-fib\n"
	    "since when, what went wrong last, and what is awaited.\n"
	    "An answered query exits 0 whatever it shows; --check is for monitoring.\n",
	    cmd_status },
	{ "tunnel", "list", "", 0, 0, NULL, "all tunnels with their addresses and counters",
	    "Shows a line for each tunnel: its step, both ends, its interface, bytes in and out.\n",
	    cmd_tunnel_list },
	{ "tunnel", "show", "SITE/TUNNEL", 1, 1, NULL, "one tunnel in full",
	    "Shows the IKE SA, the child SAs with their SPIs, proposals, ages and counters, NAT, MTU and "
	    "MSS,\n"
	    "traffic selectors, and how many packets were dropped for which reason.\n",
	    cmd_tunnel_show },
	{ "tunnel", "up", "SITE/TUNNEL", 1, 1, up_options, "start a tunnel and watch it come up",
	    "Waits by default and shows, on standard error, each step of the ladder as it is reached and "
	    "each\n"
	    "error as it happens. Exits 0 at the top (in-fib), 8 when the time is over, 6 when somebody "
	    "takes the\n"
	    "tunnel down meanwhile. The daemon goes on trying after a time-out.\n",
	    cmd_tunnel_up },
	{ "tunnel", "down", "SITE/TUNNEL", 1, 1, down_options,
	    "stop a tunnel: its routes go first, then its SAs",
	    "The tunnel stays down until `tunnel up` or until the daemon starts anew; the configuration's\n"
	    "`admin` leaf is for good.\n",
	    cmd_tunnel_down },
	{ "tunnel", "rekey", "SITE/TUNNEL", 1, 1, rekey_options,
	    "replace the child SA (or the IKE SA) now, without losing a packet",
	    "Asks the peer for a new child SA; the old one carries traffic until the new one does. With "
	    "--ike the\n"
	    "IKE SA is replaced, and the child SA stays. `tunnel show` has a record of each rekey.\n",
	    cmd_tunnel_rekey },
	{ "bgp", "summary", "", 0, 0, NULL, "all BGP peers with their state and route counts",
	    "Shows a line for each peer: its AS, the session's state and age, and how many prefixes were "
	    "received,\n"
	    "accepted and advertised.\n",
	    cmd_bgp_summary },
	{ "bgp", "peer", "[P]", 0, 1, NULL, "one BGP peer, or all, in full",
	    "P is SITE/TUNNEL, or a LAN peer's name. Shows addresses, agreed timers and capabilities, "
	    "message counts\n"
	    "and the last error.\n",
	    cmd_bgp_peer },
	{ "bgp", "routes", "[PREFIX]", 0, 1, routes_options, "BGP routes, with the reason for each decision",
	    "With PREFIX, only it and what lies inside it. Choose at most one of --received, --advertised, "
	    "--best and\n"
	    "--rejected, or --advertised with --rejected, or --why with PREFIX. Filters go together: what is "
	    "shown fits all of them. Routes stream: a million of "
	    "them take no memory here and stall nothing there.\n",
	    cmd_bgp_routes },
	{ "bgp", "monitor", "[PREFIX]", 0, 1, monitor_options, "what happens in BGP, as it happens",
	    "A line for each event until interrupted: states of sessions with the reason, what peers "
	    "announce\n"
	    "and withdraw (as it came, before any rule), changes of the best way, and the kernel's word on\n"
	    "learned routes. With PREFIX, only of it and what lies inside. With --json an object a line. A\n"
	    "reader that does not keep up loses events, and a line says how many; the daemon never waits.\n",
	    cmd_bgp_monitor },
	{ "bgp", "dump", "[FILE|-]", 0, 1, dump_options, "what all peers have sent, as an MRT file",
	    "Writes a TABLE_DUMP_V2 (RFC 6396) of all routes as received, before any rule, which bgpdump,\n"
	    "tshark and others read. FILE appears when it is whole; - and no FILE mean standard output. The "
	    "time\n"
	    "of a route is when its session came up.\n",
	    cmd_bgp_dump },
	{ "bgp", "announce", "PREFIX...", 1, ARGS_WORDS_MAX, told_options,
	    "announce networks until they are withdrawn or the daemon restarts",
	    "For now, not for good: it ends with `bgp withdraw` or when causewayd starts anew, and a reload\n"
	    "does not end it. What is to stay belongs into `announce` of the configuration. All networks of\n"
	    "one command are announced or none: a default route, martians, and a network with bits behind\n"
	    "its length are refused (exit 5). Says whom each network has been told.\n",
	    cmd_bgp_announce },
	{ "bgp", "withdraw", "PREFIX...", 1, ARGS_WORDS_MAX, told_options, "announce networks no longer",
	    "Networks that `bgp announce` announced, or the configuration: then it is withdrawn until\n"
	    "`bgp announce` or until causewayd starts anew, a reload does not announce it again, and\n"
	    "`bgp summary` says so.\n",
	    cmd_bgp_withdraw },
	{ "bgp", "refresh", "PEER", 1, 1, refresh_options, "exchange routes again without ending the session",
	    "PEER is SITE/TUNNEL, or a LAN peer's name. Refused (exit 5) while the session is not up, and\n"
	    "--in where the peer does not know route refresh.\n",
	    cmd_bgp_refresh },
	{ "bgp", "up", "PEER", 1, 1, bgp_up_options, "let a session run again, and wait until it is up",
	    "Ends what `bgp down` began. Exits 0 when it is Established, 8 when the time is over; the "
	    "daemon\n"
	    "goes on trying then.\n",
	    cmd_bgp_up },
	{ "bgp", "down", "PEER", 1, 1, bgp_down_options, "end a session; its tunnel stays",
	    "The peer gets a Cease / Administrative Shutdown, with TEXT if given. Routes learned from it "
	    "go.\n"
	    "It stays down until `bgp up` or until causewayd starts anew; a reload does not start it.\n",
	    cmd_bgp_down },
	{ "fib", "show", "", 0, 0, NULL, "the routes we keep in the kernel",
	    "Shows each prefix with its ways out, where it came from, and whether the kernel holds it; if "
	    "not, why.\n",
	    cmd_fib_show },
	{ NULL, "explain", "[SITE/TUNNEL|ID]", 0, 1, NULL, "why a tunnel is not up, and what to change",
	    "For a tunnel: how far it has come, what was seen, what that rules out, the likely cause, what "
	    "to\n"
	    "change here and on the far side (by its cloud's name), and what happens next. For the id of a\n"
	    "reason, as errors show it in brackets: what it means; this needs no daemon. Without an "
	    "argument:\n"
	    "all tunnels that are not fine.\n",
	    cmd_explain },
	{ "profile", "list", "", 0, 0, NULL, "the vendor presets (needs no daemon)",
	    "Shows the presets that a site's `profile` leaf may name.\n", cmd_profile_list },
	{ "profile", "show", "NAME", 1, 1, NULL, "what a preset says, and by which source (needs no daemon)",
	    "Shows each value of the preset. What a tunnel says itself wins over its profile.\n",
	    cmd_profile_show },
	{ "config", "check", "FILE", 1, 1, NULL, "check a configuration file (needs no daemon)",
	    "Checks as the daemon would at start: syntax, model, profiles, and what the model can't say. "
	    "Exits 1 and names\n"
	    "the place, the value and what to do when something is wrong. Secret files are read, and their "
	    "permissions\n"
	    "checked, when this user may read them.\n",
	    cmd_config_check },
	{ "config", "show", "", 0, 0, NULL, "the running configuration",
	    "Writes the configuration that runs now, in the form that FILE has; it never holds secrets, only "
	    "the names of\n"
	    "their files.\n",
	    cmd_config_show },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL },
};
