#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The LAN's routers as BGP peers: they get what the sites teach us; what they teach us goes to a site only where its
announce-from names them, and to another LAN peer only where that one says transit."""
import copy

from lab import kernel, traffic
from lab.azure import OURS, PREFIX, VNET_HOST, Azure
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.lab import wait_for

CORE_NET, EDGE_NET = "172.20.0.0/16", "172.21.0.0/16"


def router(net, short, number, announce):
    """A router on a link of its own; AS 65100 + number."""
    ns = net.lab.namespace(short)
    net.lab.link(net.onprem, f"r{number}", f"10.1.{number}.1/24", ns, "up0", f"10.1.{number}.2/24")
    ns.forward()
    bird = Bird(ns, f"bird-{short}", router_id=f"10.1.{number}.2", asn=65100 + number, local=f"10.1.{number}.2",
                peers=[(f"10.1.{number}.1", 65001)], announce=[announce], multihop=False).start()
    ns.ip("addr", "add", announce.replace(".0.0/16", ".0.1/32"), "dev", "lo")
    return bird


def with_peers(config, announce_from=(), transit=False):
    config = copy.deepcopy(config)
    connector = config["causeway:connector"]
    connector["peer"] = [
        {"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101},
        {"name": "edge", "local-address": "10.1.2.1", "peer-address": "10.1.2.2", "peer-as": 65102}]
    if transit:
        connector["peer"][1]["transit"] = True
    if announce_from:
        connector["site"][0]["announce-from"] = list(announce_from)
    return config


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        core, edge = router(net, "core", 1, CORE_NET), router(net, "edge", 2, EDGE_NET)
        before = kernel.snapshot(net.onprem)
        cw = net.causeway()
        plain = cw.config
        cw.configure(with_peers(plain))
        cw.start()
        cw.wait_step("in-fib")
        spis = cw.spis()
        with case.step("both LAN peers are up and get the site's prefix"):
            for name in ("core", "edge"):
                wait_for(f"{name} Established", lambda n=name: cw.peer(n).get("state") == "Established", 20)
            wait_for("core has it", lambda: core.as_path(PREFIX) == [65001, 65515], 10)
            wait_for("edge has it", lambda: edge.as_path(PREFIX) == [65001, 65515], 10)
        with case.step("what they teach us is in the kernel, and goes nowhere unasked"):
            for prefix, device in ((CORE_NET, "r1"), (EDGE_NET, "r2")):
                wait_for(f"{prefix} in the kernel", lambda p=prefix: kernel.route(net.onprem, p), 10)
                equal(kernel.devices(net.onprem, kernel.route(net.onprem, prefix)), [device], prefix)
            sent = sorted(r["prefix"] for r in cw.json("bgp", "routes", "--advertised", "--peer", "azure-hq/t1")["route"])
            equal(sent, [OURS], "advertised to the site")
            equal(net.bgp.as_path(CORE_NET), None, "the site got the core's network")
            equal(core.as_path(EDGE_NET), None, "the core got the edge's network")
        with case.step("a next hop behind the default route is none; it counts from when it gets a route"):
            far = "10.99.0.1"
            core.ns.ip("addr", "add", f"{far}/32", "dev", "lo")
            net.onprem.ip("route", "add", "default", "via", "192.0.2.2")
            core.next_hop(far)
            wait_for("the next hop is known",
                     lambda: any(r["prefix"] == CORE_NET and r["nexthop"] == far for r in cw.json("bgp", "routes")["route"]), 20)
            wait_for("no route by an unreachable next hop", lambda: kernel.route(net.onprem, CORE_NET) is None, 10)
            net.onprem.ip("route", "add", f"{far}/32", "via", "10.1.1.2")
            wait_for("the route is in the kernel", lambda: kernel.route(net.onprem, CORE_NET), 10)
            equal(kernel.devices(net.onprem, kernel.route(net.onprem, CORE_NET)), ["r1"], "its way")
            core.next_hop(None)
            net.onprem.ip("route", "del", f"{far}/32")
            net.onprem.ip("route", "del", "default")
            wait_for("the next hop is the router again",
                     lambda: any(r["prefix"] == CORE_NET and r["nexthop"] != far for r in cw.json("bgp", "routes")["route"]), 20)
            wait_for("the route is in the kernel again", lambda: kernel.route(net.onprem, CORE_NET), 10)
        with case.step("announce-from: the site gets the core's network, and not the edge's"):
            cw.configure(with_peers(plain, announce_from=["core"]))
            cw.reload()
            wait_for("the site has it", lambda: net.bgp.as_path(CORE_NET) == [65001, 65101], 15)
            equal(net.bgp.as_path(EDGE_NET), None, "the site got the edge's network")
            wait_for("ping from the core's network to the cloud",
                     lambda: traffic.ping(core.ns, VNET_HOST, "172.20.0.1", count=1), 10)
        with case.step("transit: the edge gets the core's network, and not the other way round"):
            cw.configure(with_peers(plain, announce_from=["core"], transit=True))
            cw.reload()
            wait_for("the edge has it", lambda: edge.as_path(CORE_NET) == [65001, 65101], 15)
            equal(core.as_path(EDGE_NET), None, "the core got the edge's network")
        with case.step("and back: what was allowed is withdrawn; the tunnel saw none of it"):
            cw.configure(with_peers(plain))
            cw.reload()
            wait_for("withdrawn from the site", lambda: net.bgp.as_path(CORE_NET) is None, 15)
            wait_for("withdrawn from the edge", lambda: edge.as_path(CORE_NET) is None, 15)
            equal(cw.spis(), spis, "SPIs")
        with case.step("protected: the core's way to it is one in clear, and leaves the kernel; so it stays until given up"):
            guarded = with_peers(plain)
            guarded["causeway:connector"]["protect"] = ["172.16.0.0/12"]
            cw.configure(guarded)
            cw.reload()
            for prefix in (CORE_NET, EDGE_NET):
                wait_for(f"{prefix} out of the kernel", lambda p=prefix: kernel.route(net.onprem, p) is None, 10)
            guarded["causeway:connector"]["protect"] = [CORE_NET]
            cw.configure(guarded)
            cw.reload()
            wait_for("the edge's route", lambda: kernel.route(net.onprem, EDGE_NET), 10)
            equal([(r.get("type"), kernel.devices(net.onprem, r)) for r in kernel.routes(net.onprem) if r["dst"] == CORE_NET],
                  [("unreachable", [])], "the core's way")
            cw.configure(with_peers(plain))
            cw.reload()
            wait_for("the core's way", lambda: ["r1"] == kernel.devices(
                net.onprem, kernel.route(net.onprem, CORE_NET) or {}), 10)
            equal(cw.spis(), spis, "SPIs")
        with case.step("the site goes down: the LAN loses its prefix"):
            cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
            wait_for("withdrawn from the core", lambda: core.as_path(PREFIX) is None, 15)
            check(kernel.route(net.onprem, CORE_NET), "the LAN's route went with the tunnel")
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("lan_peer", main)
