#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Static routes between tunnels: two tunnels with the same route stand in for each other, and a route that a new
configuration gives to another tunnel moves. In neither case is it away for a moment: the way behind it would be in clear.
A tunnel that doesn't pass packets any more gives its routes up to one that does, and
on demand one that can't be had gives its turn to the next."""
import json
import time

from lab import kernel, traffic
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import wait_for

NET = "10.200.0.0/16"
OTHER = "10.201.0.0/16"


def config(c, near):
    """Two tunnels, between .1 and .2, and between .11 and .12."""
    secret = c.secret()
    ends = [("192.0.2.1", "192.0.2.2"), ("192.0.2.11", "192.0.2.12")]
    return {"causeway:connector": {
        "as": 65001, "router-id": "10.0.0.10" if near else "10.0.0.11",
        "site": [{"name": "far", "profile": "generic-ikev2",
                  "tunnel": [{"name": f"t{n}", "role": "initiate" if near else "respond", "interface": f"cw{n}",
                              "local-address": a if near else b, "remote-address": [b if near else a],
                              "secret-file": secret, "inside-address": [f"10.{60 if near else 61}.0.{n + 1}/32"],
                              **({"static-route": [{"prefix": NET}]} if near else {})}
                             for n, (a, b) in enumerate(ends)]}]}}


def way(ns, prefix=NET):
    """The interface of our only route to it."""
    found = [d for r in kernel.routes(ns) if r["dst"] == prefix for d in kernel.devices(ns, r)]
    check(len(found) <= 1, f"{prefix} goes by {found}")
    return found[0] if found else None


def lose_esp(ns, n):
    """ESP of tunnel n gets lost before the peer, in UDP or not; IKE passes. Returns what ends that."""
    pair = f"ip saddr 192.0.2.{10 * n + 1} ip daddr 192.0.2.{10 * n + 2}"
    ns.run("nft", "add table ip lost")
    ns.run("nft", "add chain ip lost in { type filter hook input priority 0; }")
    ns.run("nft", f"add rule ip lost in {pair} meta l4proto esp drop")
    ns.run("nft", f"add rule ip lost in {pair} udp dport 4500 @th,64,32 != 0 drop")
    return lambda: ns.run("nft", "delete table ip lost")


def never_away(monitor, since, prefix=NET):
    """Each deletion comes behind an addition."""
    there = 1
    changes = [(gone, text) for _, gone, text in monitor.changes(since) if text.startswith(prefix)]
    for gone, _ in changes:
        there += -1 if gone else 1
        check(there >= 1, f"{prefix} was away: {changes}")
    check(changes, f"no change of {prefix} was seen")


def main(case):
    with case.lab() as lab:
        near_ns, far_ns = lab.namespace("near"), lab.namespace("far")
        lab.link(near_ns, "wan0", "192.0.2.1/24", far_ns, "wan0", "192.0.2.2/24")
        near_ns.ip("addr", "add", "192.0.2.11/24", "dev", "wan0")
        far_ns.ip("addr", "add", "192.0.2.12/24", "dev", "wan0")
        before = kernel.snapshot(near_ns)
        near, far = Causeway(near_ns, "near"), Causeway(far_ns, "far")
        near.configure(config(near, True))
        far.configure(config(far, False))
        far.start()
        near.start()
        monitor = kernel.RouteMonitor(near_ns)
        for n in range(2):
            near.wait_step("child", f"far/t{n}")

        with case.step("one of two tunnels with the same route goes: the other one carries it, without a gap"):
            first = way(near_ns)
            check(first in ("cw0", "cw1"), f"way {first}")
            other = "cw1" if first == "cw0" else "cw0"
            since = time.time()
            near.cli("tunnel", "down", f"far/t{first[2]}", "--wait")
            wait_for("the other's way", lambda: way(near_ns) == other, 10)
            never_away(monitor, since)
        with case.step("it is back, and the route stays where it is; so it does when this one goes again"):
            since = time.time()
            near.cli("tunnel", "up", f"far/t{first[2]}", "--no-wait")
            near.wait_step("child", f"far/t{first[2]}")
            near.cli("tunnel", "down", f"far/t{first[2]}", "--wait")
            equal(way(near_ns), other, "way")
            equal([text for _, _, text in monitor.changes(since) if text.startswith(NET)], [], "changes")
            near.cli("tunnel", "up", f"far/t{first[2]}", "--no-wait")
        with case.step("both down: it is gone"):
            for n in range(2):
                near.cli("tunnel", "down", f"far/t{n}", "--wait")
            wait_for("its end", lambda: way(near_ns) is None, 10)
            for n in range(2):
                near.cli("tunnel", "up", f"far/t{n}", "--no-wait")
        with case.step("a new configuration gives a route to the other tunnel: it moves, without a gap"):
            moved = json.loads(json.dumps(near.config))
            tunnels = moved["causeway:connector"]["site"][0]["tunnel"]
            for turn, to in enumerate((0, 1, 0, 1, 0)):
                for n in range(2):
                    tunnels[n]["static-route"] = [{"prefix": OTHER}] if n == to else [{"prefix": "10.202.0.0/16"}]
                since = time.time()
                near.configure(moved)
                near.reload()
                wait_for(f"{OTHER} by cw{to}", lambda to=to: way(near_ns, OTHER) == f"cw{to}", 10)
                if turn:
                    wait_for("the old way's end", lambda s=since: monitor.deleted(OTHER, s), 10)
                    never_away(monitor, since, OTHER)
        with case.step("its packets get lost while IKE passes: a tunnel that passes takes the route at once, without a gap"):
            watched = config(near, True)
            for n, tunnel in enumerate(watched["causeway:connector"]["site"][0]["tunnel"]):
                tunnel.update({"probe-address": f"10.61.0.{n + 1}", "liveness-interval": 3, "liveness-timeout": 3})
                tunnel["static-route"].append({"prefix": f"10.61.0.{n + 1}/32"})  # where answers come from
            back = config(far, False)
            for n, tunnel in enumerate(back["causeway:connector"]["site"][0]["tunnel"]):
                tunnel["static-route"] = [{"prefix": f"10.60.0.{n + 1}/32"}]
            far.configure(back)
            far.reload()
            near.configure(watched)
            near.reload()
            for n in range(2):
                near.cli("tunnel", "down", f"far/t{n}", "--wait")
            for n in range(2):
                near.cli("tunnel", "up", f"far/t{n}", "--no-wait")
            for n in range(2):
                near.wait_step("passing", f"far/t{n}")
            wait_for("the way", lambda: way(near_ns) in ("cw0", "cw1"), 10)
            first = int(way(near_ns)[2])
            wait_for("the size that passes", lambda: near.tunnel(f"far/t{first}")["mtu-probe"] == "known", 30)
            oneway = traffic.oneway(near_ns, "10.200.0.1")
            before_echo = near.tunnel(f"far/t{first}")["child"][0]["packets-in"]
            wait_for("an answered echo", lambda: near.tunnel(f"far/t{first}")["child"][0]["packets-in"] > before_echo, 40)
            since = time.time()
            end = lose_esp(far_ns, first)
            wait_for("the other's way", lambda: way(near_ns) == f"cw{1 - first}", 40)
            check("path-dead" in near.process.output(), "no path-dead in the log")
            check("path-restart" not in near.process.output(), "the route moved only when the tunnel started anew")
            never_away(monitor, since)
            oneway.kill()
            end()
        with case.step("on demand, with the same trigger: one that can't be had gives its turn to the next, whom a packet wakes"):
            near.stop()
            turns = config(near, True)
            for tunnel in turns["causeway:connector"]["site"][0]["tunnel"]:
                tunnel.update({"start": "on-demand", "idle-timeout": 0, "tries": 1,
                               "static-route": [{"prefix": NET, "trigger": True}]})
            turns["causeway:connector"]["site"][0]["tunnel"][0]["remote-address"] = ["192.0.2.99"]  # nobody
            far_ns.ip("addr", "add", "10.200.0.1/32", "dev", "lo")
            near.configure(turns)
            near.start()
            wait_for("the trigger", lambda: way(near_ns) == "cw0", 10)
            since = time.time()
            check(not traffic.ping(near_ns, "10.200.0.1", count=1), "who answered?")
            wait_for("the other's turn", lambda: way(near_ns) == "cw1", 90)
            never_away(monitor, since)
            wait_for("its answer", lambda: traffic.ping(near_ns, "10.200.0.1", count=1), 20)
            near.wait_step("in-fib", "far/t1")
        with case.step("while that one is up, the first one's failures change nothing; when it is lost, the turn is the first one's"):
            gave_up = near.process.output().count("Gave up")
            near.cli("tunnel", "up", "far/t0", "--no-wait")
            wait_for("the end of its tries", lambda: near.process.output().count("Gave up") > gave_up or
                     near.status("far/t0")["next"]["id"] == "next-packet-out", 90)
            equal(way(near_ns), "cw1", "way")
            far.cli("tunnel", "down", "far/t1", "--wait")
            wait_for("the first one's turn", lambda: way(near_ns) == "cw0", 20)
        case.note(f"{len([t for _, _, t in monitor.changes() if t.startswith(OTHER)])} changes of {OTHER}")
        near.stop()
        far.stop()
        equal(kernel.difference(before, kernel.snapshot(near_ns)), [], "the kernel")


run_case("static_routes", main)
