#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""20,000 routes from BIRD through the tunnel: into the kernel, out to a router on the LAN, and away again three ways
(withdrawn, the session killed, the tunnel taken down). Meanwhile the command line is answered."""
import copy
import ipaddress
import json
import threading
import time

from lab import kernel
from lab.azure import PREFIX, Azure
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import LabError, wait_for

N = 20000
SPACE = ipaddress.ip_network("10.128.0.0/9")
MANY = [str(p) for p, _ in zip(SPACE.subnets(new_prefix=24), range(N))]
PATIENCE = 5.0  # for one answer, with sanitizers, on a machine that other tests share


class Questions:
    """Asks `status` and `tunnel show` one after the other, in a thread, and keeps how long each answer took."""

    def __init__(self, cw):
        self.cw = cw
        self.took = []
        self.errors = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self):
        while not self.stopping.wait(0.1):
            for args in (["status"], ["tunnel", "show", "azure-hq/t1"]):
                begin = time.monotonic()
                try:
                    self.cw.json(*args, timeout=30)
                except (LabError, ValueError) as e:
                    self.errors.append(str(e))
                self.took.append(time.monotonic() - begin)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stopping.set()
        self.thread.join(60)

    def were_answered(self, case):
        equal(self.errors, [], "questions without an answer")
        check(self.took, "nothing was asked")
        case.note(f"{len(self.took)} questions meanwhile, the slowest took {max(self.took):.2f} s")
        check(max(self.took) < PATIENCE, f"one question took {max(self.took):.1f} s")


def count(ns):
    """Of the many, how many the kernel has; quick, for polling."""
    return sum(line.startswith("10.") for line in ns.ip("route", "show", "proto", "201", "root", str(SPACE)).splitlines())


def in_kernel(net, cw, timeout=30):
    wait_for(f"{N} routes in the kernel", lambda: count(net.onprem) == N, timeout, 0.2, alive=[cw.process])


def gone(net, cw, timeout=30):
    wait_for("none of them in the kernel", lambda: count(net.onprem) == 0, timeout, 0.2, alive=[cw.process])


def known_to(bird):
    """How many routes we have announced to it: of the site's, and our own network."""
    out = bird.birdc("show", "route", "protocol", "peer", "count", check=False).stdout
    return int(out.split(" of ", maxsplit=1)[0].split()[-1]) if " of " in out else 0


def holds_all(net, cw):
    rows = [r for r in kernel.routes(net.onprem) if ipaddress.ip_network(r["dst"]).subnet_of(SPACE)]
    equal(len(rows), N, "routes of protocol 201")
    equal(sorted(r["dst"] for r in rows), sorted(MANY), "prefixes")
    objects = {r.get("nhid") for r in rows}
    check(len(objects) == 1 and None not in objects, f"they use the nexthop objects {sorted(objects, key=str)[:5]}")
    equal(kernel.nexthop_devices(net.onprem, objects.pop()), [cw.tunnel()["interface"]], "interface")


def streams_all(cw):
    done = cw.cli("bgp", "routes", "--json")
    rows = [r for r in json.loads(done.stdout)["route"] if r["peer"] == "azure-hq/t1"]
    equal(len(rows), N + 1, "rows of `bgp routes --json`")
    equal([r["prefix"] for r in rows if not (r["best"] and r["in-fib"])], [], "rows not best or not in the FIB")


def configure(config):
    tunnel_of(config)["bgp"]["max-prefixes"] = N + 100
    config["causeway:connector"]["peer"] = [
        {"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101}]


def lan_router(net):
    ns = net.lab.namespace("core")
    net.lab.link(net.onprem, "r1", "10.1.1.1/24", ns, "up0", "10.1.1.2/24")
    return Bird(ns, "bird-core", router_id="10.1.1.2", asn=65101, local="10.1.1.2", peers=[("10.1.1.1", 65001)],
                multihop=False).start()


def reload(cw, config):
    lines = len(cw.process.lines)
    cw.configure(config)
    cw.reload()
    wait_for("the configuration to be applied", lambda: any(
        "config: " in text and "applied" in text for _, text in list(cw.process.lines)[lines:]), 30)


def anew(cw, ways):
    config = copy.deepcopy(cw.config)
    config["causeway:connector"]["multipath"] = ways
    reload(cw, config)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        net.start_swan()
        net.start_bird(announce=[PREFIX, *MANY])
        core = lan_router(net)
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=configure)
        with Questions(cw.start()) as questions:
            with case.step(f"{N} routes in the kernel"):
                in_kernel(net, cw)
                wait_for("the ladder to say so", lambda: cw.step() == "in-fib", 20)
                spis = cw.spis()
            with case.step("all of protocol 201, with one nexthop object"):
                holds_all(net, cw)
            with case.step("the LAN's router has them"):
                wait_for("them there", lambda: known_to(core) == N + 2, 30, 0.2)
                equal(core.as_path(MANY[-1]), [65001, 65515], "AS path")
            with case.step("`bgp routes --json` streams all of them"):
                streams_all(cw)
            with case.step("withdrawn: the kernel is empty, the LAN's router too"):
                net.bgp.announce([PREFIX])
                gone(net, cw)
                wait_for("the router to forget", lambda: known_to(core) == 2, 30, 0.2)
                equal(cw.step(), "in-fib", "step")
            with case.step("announced again"):
                net.bgp.announce([PREFIX, *MANY])
                in_kernel(net, cw)
            with case.step("BIRD killed with -9 and started at once"):
                net.bgp.kill()
                gone(net, cw)
                net.start_bird(announce=[PREFIX, *MANY])
                in_kernel(net, cw)
                equal(cw.spis(), spis, "SPIs")
            with case.step("another `multipath`, twice: every session starts anew, and its routes are back; SAs stay"):
                for ways in (8, 4):
                    anew(cw, ways)
                wait_for("the ladder to say so", lambda: cw.step() == "in-fib", 60)
                in_kernel(net, cw)
                holds_all(net, cw)
                wait_for("them at the router", lambda: known_to(core) == N + 2, 30, 0.2)
                equal(cw.spis(), spis, "SPIs")
            with case.step("and without BGP altogether: none is left, of the core's neither"):
                config = copy.deepcopy(cw.config)
                connector = cw.config["causeway:connector"]
                for leaf in ("as", "router-id", "peer", "announce"):
                    del connector[leaf]
                del tunnel_of(cw.config)["bgp"]
                reload(cw, cw.config)
                gone(net, cw)
                reload(cw, config)
                in_kernel(net, cw)
            with case.step("`tunnel down`: none is left"):
                cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
                equal(count(net.onprem), 0, "routes after `tunnel down`")
                wait_for("the router to forget", lambda: known_to(core) == 1, 30, 0.2)
        questions.were_answered(case)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("many_routes", main)
