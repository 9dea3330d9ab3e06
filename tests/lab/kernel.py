# SPDX-License-Identifier: Apache-2.0
"""What a namespace's kernel holds: to ask for one route, and to compare before with after."""
import datetime
import json

from lab.lab import wait_for

PROTOCOL = "201"


def routes(ns, protocol=PROTOCOL, family="-4"):
    """Routes of one protocol number, all tables, as `ip -j` says them (nexthop objects resolved into dev/gateway)."""
    return [r for r in ns.ip_json(family, "-d", "route", "show", "table", "all")
            if str(r.get("protocol")) in (protocol, "causeway" if protocol == PROTOCOL else protocol)]


def route(ns, prefix, protocol=PROTOCOL):
    """The route that leads to exactly this prefix with this protocol, or None: an unreachable one leads nowhere. A /32 is
    written without its length by ip."""
    short = prefix[:-3] if prefix.endswith("/32") else prefix
    for r in routes(ns, protocol):
        if r["dst"] in (prefix, short) and r.get("type") != "unreachable":
            return r
    return None


def devices(ns, r):
    """Names of the interfaces a route uses."""
    if "nhid" in r and "dev" not in r and "nexthops" not in r:
        return nexthop_devices(ns, r["nhid"])
    return [r["dev"]] if "dev" in r else [n["dev"] for n in r.get("nexthops", [])]


def nexthop_devices(ns, ident):
    table = {n["id"]: n for n in ns.ip_json("nexthop")}
    n = table.get(ident, {})
    if "group" in n:
        return [d for g in n["group"] for d in nexthop_devices(ns, g["id"])]
    return [n["dev"]] if "dev" in n else []


# A veth's carrier may come a moment after its address.
_OF_THE_MOMENT = ("linkdown", "dead")
# Comes and goes by itself, as link-local addresses finish their duplicate detection.
_KERNELS_OWN = ("fe80", "ff00::/8", "anycast", "table local")


def snapshot(ns):
    """All that a daemon may leave behind, as comparable text lines: links, addresses, rules, routes, nexthops, filters."""
    lines = set()
    for link in ns.ip_json("link"):
        lines.add(f"link {link['ifname']} mtu {link['mtu']}")
    for link in ns.ip_json("addr"):
        for a in link.get("addr_info", []):
            if a.get("scope") != "link":
                lines.add(f"addr {link['ifname']} {a.get('local')}/{a.get('prefixlen')}")
    for family in ("-4", "-6"):
        for what in (["rule"], ["route", "show", "table", "all"]):
            for line in ns.ip(family, *what).splitlines():
                if not any(x in line for x in _KERNELS_OWN):
                    lines.add(f"{family} {what[0]} {' '.join(w for w in line.split() if w not in _OF_THE_MOMENT)}")
    for line in ns.ip("nexthop").splitlines():
        lines.add(f"nexthop {' '.join(line.split())}")
    ruleset = ns.run("nft", "-j", "list", "ruleset", check=False)
    if ruleset.returncode == 0 and ruleset.stdout.strip():
        for item in json.loads(ruleset.stdout).get("nftables", []):
            for kind, what in item.items():
                if kind != "metainfo":
                    lines.add(f"nft {kind} {json.dumps(_settled(what), sort_keys=True)}")
    return lines


def _settled(what):
    """An object of nft without its handle and without what its counters have counted."""
    if isinstance(what, dict):
        return {k: None if k == "counter" else _settled(v) for k, v in what.items() if k != "handle"}
    return [_settled(v) for v in what] if isinstance(what, list) else what


def difference(before, after):
    """Both ways, for a message; empty when equal."""
    return [f"left over: {x}" for x in sorted(after - before)] + [f"missing: {x}" for x in sorted(before - after)]


class RouteMonitor:
    """`ip monitor route`, each line with the time (seconds of the wall clock) at which ip read it from the kernel.

    That time is never before the change, so "earlier than some packet" is proof.
    """

    def __init__(self, ns):
        self.ns = ns
        self.process = ns.spawn(f"monitor-{ns.short}", "nice", "-n", "-20", "ip", "-tshort", "-o", "monitor", "route")
        wait_for("ip monitor to listen", self._hears, 10, 0.02, alive=[self.process])

    def _hears(self):
        for verb in ("add", "del"):
            self.ns.ip("route", verb, "blackhole", "198.18.255.255/32", check=False)
        return "198.18.255.255" in self.process.output()

    def changes(self, since=0.0):
        """(time, deleted, text) of each change of a route since then."""
        found = []
        for _, line in list(self.process.lines):
            if line.startswith("[") and "198.18.255.255" not in line:
                stamp, text = line[1:].split("] ", 1)
                when = datetime.datetime.fromisoformat(stamp).timestamp()
                if when >= since:
                    found.append((when, text.startswith("Deleted"), text.removeprefix("Deleted").strip()))
        return found

    def deleted(self, prefix, since=0.0):
        """When the route went, or None."""
        return next((when for when, gone, text in self.changes(since) if gone and f" {prefix} " in f" {text} "), None)


class PacketMonitor:
    """tcpdump with a filter: the kernel's time stamps (seconds of the wall clock) of the packets that match."""

    # IKE on 4500 (after the non-ESP marker) of exchange type INFORMATIONAL
    INFORMATIONAL = "udp port 4500 and udp[8:4] = 0 and udp[30] = 37"

    def __init__(self, ns, device, expression, name="tcpdump"):
        self.process = ns.spawn(f"{name}-{ns.short}", "tcpdump", "-l", "-n", "-tt", "--immediate-mode", "-i", device,
                                expression)
        wait_for("tcpdump to listen", lambda: "listening on" in self.process.output(), 10, alive=[self.process])

    def seen(self, since=0.0, source=None):
        times = []
        for _, line in list(self.process.lines):
            part = line.split()
            if len(part) > 2 and part[1] in ("IP", "IP6") and float(part[0]) >= since:
                if source is None or part[2].rsplit(".", 1)[0] == source:
                    times.append(float(part[0]))
        return times
