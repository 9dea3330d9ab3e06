#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Route flap damping (RFC 2439) of a BIRD whose route comes and goes: refused with the reason and the time of its reuse, out of the
kernel and from the other peer; back by itself when it has calmed down, and at once when damping is switched off."""
import time

from lab import kernel
from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import wait_for
from lab.router import Route, Session

FLAPS, STEADY = "10.70.1.0/24", "10.70.2.0/24"
PATIENCE = 90


def configuration(damping):
    peers = [{"name": name, "local-address": f"10.1.{n}.1", "peer-address": f"10.1.{n}.2", "peer-as": 65100 + n, "transit": True}
             for n, name in ((1, "restless"), (2, "listener"))]
    peers[0]["damping"] = damping
    return {"causeway:connector": {"as": 65001, "router-id": "10.0.0.10", "announce": ["10.0.0.0/16"], "peer": peers}}


def place(lab, onprem, number, name):
    ns = lab.namespace(name)
    lab.link(onprem, f"r{number}", f"10.1.{number}.1/24", ns, "up0", f"10.1.{number}.2/24")
    return BirdRouter(ns, name, Session(65100 + number, f"10.1.{number}.2", f"10.1.{number}.2", f"10.1.{number}.1", 65001, False)).start()


def damping(cw):
    return cw.json("bgp", "peer", "restless")["peer"][0]["damping"]


def used(onprem, listener, prefix):
    return (kernel.route(onprem, prefix) is not None, listener.seen(prefix) is not None)


def flap(cw, bird):
    """Until it is suppressed; each withdrawal is waited for, however long the machine takes."""
    count, begin = damping(cw)["suppressions"], time.monotonic()
    while damping(cw)["suppressions"] == count:
        check(time.monotonic() - begin < PATIENCE, "it is never suppressed")
        withdrawn = cw.json("bgp", "peer", "restless")["peer"][0]["prefixes"]["in"]["withdrawn"]
        bird.withdraw(FLAPS)
        wait_for("the withdrawal", lambda w=withdrawn: cw.json("bgp", "peer", "restless")["peer"][0]["prefixes"]["in"]["withdrawn"] > w,
                 PATIENCE)
        bird.announce(Route(FLAPS))
        wait_for("it again", lambda: any(r["prefix"] == FLAPS for r in
                                         cw.json("bgp", "routes", "--received", "--peer", "restless")["route"]), PATIENCE)


def main(case):
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        bird, listener = place(lab, onprem, 1, "restless"), place(lab, onprem, 2, "listener")
        before = kernel.snapshot(onprem)
        slow = {"enabled": True, "half-life": 3600, "suppress": 2500, "reuse": 1500, "max-suppress-time": 7200}
        cw = Causeway(onprem, config=configuration(slow)).start()
        for prefix in (FLAPS, STEADY):
            bird.announce(Route(prefix))
        for prefix in (FLAPS, STEADY):
            wait_for(f"{prefix} everywhere", lambda p=prefix: used(onprem, listener, p) == (True, True), PATIENCE)
        with case.step("it flaps: refused, with the reason; the other route is not"):
            flap(cw, bird)
            wait_for("it to go", lambda: used(onprem, listener, FLAPS) == (False, False), PATIENCE)
            rejected = cw.json("bgp", "routes", "--rejected", "--peer", "restless")["route"]
            equal([r["prefix"] for r in rejected], [FLAPS], "refused")
            check("damped (RFC 2439)" in rejected[0]["reason"] and "reused in" in rejected[0]["reason"], rejected[0]["reason"])
            equal((damping(cw)["history"], damping(cw)["suppressed"], damping(cw)["suppressions"]), (1, 1, 1), "counted")
            equal(used(onprem, listener, STEADY), (True, True), "the other one")
        with case.step("switched off by a reload: it is back at once, and the session stands"):
            cw.configure(configuration({"enabled": False}))
            cw.reload()
            wait_for("it to be back", lambda: used(onprem, listener, FLAPS) == (True, True), PATIENCE)
            equal((damping(cw), cw.json("bgp", "peer", "restless")["peer"][0]["established-count"]), (None, 1), "damping, sessions")
        with case.step("with a short half-life it comes back by itself"):
            cw.configure(configuration({**slow, "half-life": 30, "max-suppress-time": 45}))
            cw.reload()
            wait_for("it to count", lambda: damping(cw), PATIENCE)
            flap(cw, bird)
            wait_for("it to be back", lambda: used(onprem, listener, FLAPS) == (True, True), PATIENCE)
            wait_for("nothing to be suppressed", lambda: damping(cw)["suppressed"] == 0, PATIENCE)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case("bgp_damping", main)
