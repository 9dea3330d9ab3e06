#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""protect[]: with a default route to the Internet there, no packet to a protected prefix leaves in clear: not at start,
not while the gateway is dead, not around kill -9, not while the configuration changes; its sender is told instead."""
import json

from lab import kernel, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import STALE_SESSION, tunnel_of
from lab.lab import wait_for

METRIC = 4000000000
OTHER = "10.101.0.0/16"
PEER = "10.100.255.254"  # of BGP: protected without being asked for
TELLER = "10.0.1.21"  # the kernel tells a source about once a second, and the flood's uses that up


def refusal(ns, prefix, family="-4"):
    """The unreachable route of ours to a prefix, or None."""
    for r in kernel.routes(ns, family=family):
        if r["dst"] == prefix and r.get("type") == "unreachable" and r.get("metric") == METRIC:
            return r
    return None


def unreachable(net, target=VNET_HOST):
    done = net.lan.run("ping", "-n", "-c", "1", "-W", "2", "-I", TELLER, target, check=False)
    return done.returncode != 0 and "nreachable" in done.stdout


class Flood:
    """Packets to a protected host all the time, from the LAN and from this machine itself, and who sees them outside."""

    def __init__(self, net):
        self.clear = kernel.PacketMonitor(
            net.onprem, "wan0", "(ip and dst net 10.100.0.0/16) or dst net 2001:db8:100::/48", name="clear")
        self.senders = [ns.spawn(f"flood-{ns.short}", "sh", "-c",
                                 f"while :; do ping -n -c 20 -i 0.01 -W 1 {VNET_HOST} >/dev/null 2>&1; done")
                        for ns in (net.lan, net.onprem)]

    def check(self, text):
        equal(self.clear.seen(), [], f"packets in clear {text}")

    def stop(self):
        for p in self.senders:
            p.kill()


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.onprem.ip("route", "add", "default", "via", "192.0.2.2")
        net.lan.ip("addr", "add", f"{TELLER}/24", "dev", "eth0")

        def guarded(config):
            config["causeway:connector"]["protect"] = [PREFIX, "2001:db8:100::/48"]
            tunnel_of(config)["liveness-interval"] = 2
            tunnel_of(config)["liveness-timeout"] = 8
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=guarded)
        routes = kernel.RouteMonitor(net.onprem)
        ike = kernel.PacketMonitor(net.onprem, "wan0", "udp port 500 or udp port 4500", name="ike")

        with case.step("no gateway yet: the refusals are there before IKE's first packet"):
            cw.start()
            wait_for("IKE's first packet", ike.seen, 10)
            held = [when for when, gone, text in routes.changes() if not gone and PREFIX in text]
            check(held and held[0] <= ike.seen()[0], f"refused from {held}, first packet of IKE {ike.seen()[0]}")
            check(refusal(net.onprem, PREFIX) and refusal(net.onprem, "2001:db8:100::/48", "-6"), "unreachable routes")
            wait_for("senders told", lambda: unreachable(net), 10)
        flood = Flood(net)
        with case.step("the tunnel comes up: its route comes first"):
            net.start_swan()
            net.start_bird()
            cw.wait_step("in-fib", timeout=60)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
            shown = [r for r in cw.json("fib", "show")["route"] if r["origin"] == "protect" and not r["nexthop"]]
            equal([(r["prefix"], r["in-kernel"]) for r in shown],
                  [(PREFIX, True), (f"{PEER}/32", True), ("2001:db8:100::/48", True)], "fib show")
            flood.check("while the tunnel came up")
        with case.step("the gateway teaches a shorter prefix only: it carries the protected one all the same"):
            net.bgp.announce(["10.96.0.0/11"])
            wait_for("the change", lambda: not any(r["dst"] == PREFIX and r.get("metric", 0) == 0
                                                   for r in kernel.routes(net.onprem)), 10)
            wait_for("its way for the protected prefix", lambda: any(
                r["dst"] == PREFIX and r.get("metric") == METRIC - 1 for r in kernel.routes(net.onprem)), 10)
            wait_for("ping by the covering route", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
            flood.check("by the covering route")
            net.bgp.announce([PREFIX])
            wait_for("the usual route", lambda: any(r["dst"] == PREFIX and r.get("metric", 0) == 0
                                                    for r in kernel.routes(net.onprem)), 10)
        with case.step("`tunnel down`: unreachable"):
            cw.cli("tunnel", "down", "azure-hq/t1")
            wait_for("senders told", lambda: unreachable(net), 10)
            flood.check("while the tunnel went down")
            cw.cli("tunnel", "up", "azure-hq/t1")
            cw.wait_step("in-fib", timeout=30)
        with case.step("kill -9 and a new start: the refusals stay, untouched"):
            since = len(routes.changes())
            cw.kill()
            wait_for("senders told", lambda: unreachable(net), 10)
            cw.start()
            cw.wait_step("in-fib", timeout=STALE_SESSION)
            gone = [text for _, deleted, text in routes.changes()[since:] if deleted and str(METRIC) in text]
            equal(gone, [], "refusals that were taken out")
            flood.check("around kill -9")
        with case.step("the gateway dies: unreachable, in clear never"):
            net.swan.kill()
            net.bgp.kill()
            wait_for("senders told", lambda: unreachable(net), 60)
            flood.check("while the gateway was dead")
        with case.step("reconfigured: another prefix is protected first, this one given up last"):
            flood.stop()
            config = json.loads(json.dumps(cw.config))
            config["causeway:connector"]["protect"] = [OTHER]
            tunnel_of(config)["static-route"] = [{"prefix": "10.102.0.0/16"}]
            cw.configure(config)
            cw.reload()
            wait_for("the other's refusal", lambda: refusal(net.onprem, OTHER), 10)
            wait_for("the first one's end", lambda: not refusal(net.onprem, PREFIX), 10)
            text = [(gone, line) for _, gone, line in routes.changes() if str(METRIC) in line]
            added = next(i for i, (gone, line) in enumerate(text) if not gone and OTHER in line)
            taken = next(i for i, (gone, line) in enumerate(text) if gone and PREFIX in line)
            check(added < taken, f"order of changes: {text}")
            check(unreachable(net, "10.101.0.9"), "10.101.0.9 is not refused")
        with case.step("a foreign route of the same key: said, and not touched"):
            net.onprem.ip("route", "add", "blackhole", "10.103.0.0/16", "metric", str(METRIC))
            config["causeway:connector"]["protect"] = [OTHER, "10.103.0.0/16"]
            cw.configure(config)
            cw.reload()
            wait_for("the complaint", lambda: any(r["prefix"] == "10.103.0.0/16" and r["why"] and
                                                  r["why"]["id"] == "fib-foreign-route"
                                                  for r in cw.json("fib", "show")["route"]), 10)
            net.onprem.ip("route", "del", "blackhole", "10.103.0.0/16", "metric", str(METRIC))
            wait_for("ours in its place", lambda: refusal(net.onprem, "10.103.0.0/16"), 10)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("protect", main)
