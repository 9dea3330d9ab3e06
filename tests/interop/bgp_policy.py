#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Policy, seen from two routers of the LAN (BIRD): import sets the local preference by community, export prepends and marks,
an aggregate comes and goes with its parts, a kernel route is redistributed while it is there, and what a router bears is
never exceeded."""
import copy

from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import wait_for
from lab.router import Route, Session

SHARED, AGGREGATE, STATIC, PART = "172.20.0.0/16", "10.64.0.0/10", "10.77.0.0/16", "10.90.0.0/16"
NETWORK = "10.5.0.0/16"
CONFIG = {"causeway:connector": {
    "as": 65001, "router-id": "10.1.1.1", "announce": ["10.0.0.0/16"],
    "prefix-list": [{"name": "statics", "entry": [{"seq": 10, "prefix": "10.64.0.0/10", "le": 24}]}],
    "community-list": [{"name": "backup", "community": ["65101:666"]}],
    "policy": [
        {"name": "in", "otherwise": "accept", "rule": [
            {"name": "backup", "match": {"community-list": ["backup"]}, "set": {"local-pref": 50}},
            {"name": "no-documentation", "match": {"as-path-list": "none"}, "action": "reject"}]},
        {"name": "out", "rule": [
            {"name": "longer", "set": {"prepend": 2, "community-add": ["65001:7", "65001:1:2"], "med": 30}}]}],
    "as-path-list": [{"name": "none", "pattern": ["_64999_"]}],
    "redistribute": [{"name": "static", "source": "static", "prefix-list": "statics"}],
    "aggregate": [{"prefix": AGGREGATE}],
    "network": [{"prefix": NETWORK}],
    "peer": [
        {"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101, "import-policy": ["in"]},
        {"name": "edge", "local-address": "10.1.2.1", "peer-address": "10.1.2.2", "peer-as": 65102, "transit": True,
         "export-policy": ["out"]}]}}


def router(lab, onprem, name, number):
    ns = lab.namespace(name)
    lab.link(onprem, f"r{number}", f"10.1.{number}.1/24", ns, "up0", f"10.1.{number}.2/24")
    return BirdRouter(ns, name, Session(65100 + number, f"10.1.{number}.2", f"10.1.{number}.2", f"10.1.{number}.1", 65001, False)).start()


def row(cw, prefix, *view):
    found = [r for r in cw.json("bgp", "routes", prefix, "--exact", *view)["route"]]
    return found[0] if found else None


def imports(case, cw, core):
    with case.step("import: the local preference by community; as received it has none"):
        core.announce(Route(SHARED, communities=("65101:666",)))
        wait_for("the route", lambda: row(cw, SHARED), 10)
        equal(row(cw, SHARED)["local-pref"], 50, "as used")
        equal(row(cw, SHARED, "--received")["local-pref"], 100, "as received")
    with case.step("why: the rule that touched it, who is told, who not"):
        why = cw.json("bgp", "routes", SHARED, "--why")
        check("rule backup of policy in" in why["route"][0]["reason"], why)
        equal([r["peer"] for r in why["told"]], ["edge"], "told")
        equal([(r["peer"], "learned from this peer" in r["reason"]) for r in why["withheld"]], [("core", True)], "not told")


def exports(case, edge):
    with case.step("export: prepended, marked, with a MED"):
        wait_for("the router's view", lambda: edge.seen(SHARED), 10)
        seen = edge.seen(SHARED)
        equal(seen.as_path, (65001, 65001, 65001, 65101), "the path")
        equal(seen.communities, frozenset(["65101:666", "65001:7"]), "communities")
        equal((seen.large, seen.med), (frozenset(["65001:1:2"]), 30), "large communities and MED")


def sources(case, cw, onprem, core, edge):
    with case.step("a static route of the kernel is announced while it is there, and so is the aggregate over it"):
        equal(core.seen(AGGREGATE), None, "an aggregate without parts")
        onprem.ip("route", "add", STATIC, "via", "10.1.1.2", "proto", "static")
        onprem.ip("route", "add", "192.0.2.0/24", "via", "10.1.1.2", "proto", "static")
        for which in (core, edge):
            wait_for("the route and the aggregate", lambda w=which: w.seen(STATIC) and w.seen(AGGREGATE), 10)
        equal(core.seen("192.0.2.0/24"), None, "a route that the prefix list does not have")
        onprem.ip("route", "del", STATIC)
        for which in (core, edge):
            wait_for("both are gone", lambda w=which: w.seen(STATIC) is None and w.seen(AGGREGATE) is None, 10)
    with case.step("what is aggregated and nobody has goes nowhere"):
        shown = onprem.ip("route", "show", AGGREGATE)
        check("unreachable" in shown, f"no discard route: {shown!r}")
    with case.step("what a router of the LAN teaches inside the aggregate is a route as any"):
        core.announce(Route(PART))
        wait_for("the kernel's route", lambda: "via 10.1.1.2" in onprem.ip("route", "show", PART), 10)
        wait_for("the aggregate", lambda: edge.seen(AGGREGATE), 10)
        core.withdraw(PART)
        wait_for("it is gone", lambda: edge.seen(PART) is None and edge.seen(AGGREGATE) is None, 10)


def overridden(case, cw, onprem, core, edge):
    every = (NETWORK, STATIC, AGGREGATE)
    with case.step("what the configuration announces by source or by its parts is withdrawn by command, across a reload"):
        onprem.ip("route", "add", STATIC, "via", "10.1.1.2", "proto", "static")
        wait_for("all of them", lambda: all(core.seen(p) and edge.seen(p) for p in every), 10)
        done = cw.cli("bgp", "withdraw", *every)
        for prefix in every:
            check(f"{prefix} is withdrawn, though the configuration announces it: until" in done.stdout, done.stdout)
        wait_for("none of them", lambda: not any(core.seen(p) or edge.seen(p) for p in every), 10)
        equal(sorted(r["prefix"] for r in cw.json("bgp", "summary")["by-command"] if r["withdrawn"]), sorted(every), "by-command")
        onprem.ip("route", "add", "10.78.0.0/16", "via", "10.1.1.2", "proto", "static")
        wait_for("another source, as always", lambda: core.seen("10.78.0.0/16"), 10)
        applied = cw.process.output().count("applied")
        cw.reload()
        wait_for("the reload", lambda: cw.process.output().count("applied") > applied, 10)
        core.announce(Route(SHARED, communities=("65101:666",)))
        equal([p for p in every if core.seen(p)], [], "after a reload")
    with case.step("announced again they are what the configuration says"):
        cw.cli("bgp", "announce", *every)
        wait_for("all of them", lambda: all(core.seen(p) and edge.seen(p) for p in every), 10)
        equal(cw.json("bgp", "summary")["by-command"], [], "by-command")
        onprem.ip("route", "del", STATIC)
        onprem.ip("route", "del", "10.78.0.0/16")
        wait_for("gone with their source", lambda: not any(core.seen(p) for p in (STATIC, AGGREGATE)), 10)
        equal(cw.cli("bgp", "withdraw", STATIC, check=False).returncode, 4, "withdrawing what isn't there")
    with case.step("announced again while its source is away it waits for that, and the command does not"):
        onprem.ip("route", "add", STATIC, "via", "10.1.1.2", "proto", "static")
        wait_for("it is there", lambda: core.seen(STATIC) and edge.seen(STATIC), 10)
        cw.cli("bgp", "withdraw", STATIC)
        onprem.ip("route", "del", STATIC)
        done = cw.cli("bgp", "announce", STATIC)
        check("is not announced now" in done.stdout, done.stdout)
        equal(cw.json("bgp", "summary")["by-command"], [], "by-command")
        equal([w.seen(STATIC) for w in (core, edge)], [None, None], "a network without its source")
        onprem.ip("route", "add", STATIC, "via", "10.1.1.2", "proto", "static")
        wait_for("with its source", lambda: core.seen(STATIC) and edge.seen(STATIC), 10)
        onprem.ip("route", "del", STATIC)
        wait_for("gone with it", lambda: not core.seen(STATIC) and not edge.seen(STATIC), 10)


def limits(case, cw, core, edge):
    with case.step("a limit on what the edge bears: the newest wait, and come when there is room"):
        limited = copy.deepcopy(CONFIG)
        limited["causeway:connector"]["peer"][1]["max-prefixes-out"] = 5
        cw.configure(limited)
        cw.reload()
        wait_for("the limit", lambda: cw.peer("edge").get("max-prefixes-out") == 5
                 or cw.json("bgp", "peer", "edge")["peer"][0]["max-prefixes-out"] == 5, 10)
        for number in range(4):
            core.announce(Route(f"172.30.{number}.0/24"))
            wait_for("the route", lambda n=number: row(cw, f"172.30.{n}.0/24"), 10)
        wait_for("two wait", lambda: cw.json("bgp", "peer", "edge")["peer"][0]["held-back"] == 2, 10)
        waiting = cw.json("bgp", "routes", "--advertised", "--rejected", "--peer", "edge")["route"]
        equal(sorted(r["prefix"] for r in waiting if "bgp-out-limit" in r["reason"]), ["172.30.2.0/24", "172.30.3.0/24"], "what waits")
        equal(edge.seen("172.30.2.0/24"), None, "a route beyond the limit")
        core.withdraw(SHARED)
        wait_for("the oldest that waited", lambda: edge.seen("172.30.2.0/24"), 10)
        equal(edge.seen("172.30.3.0/24"), None, "the one behind it")
        check(cw.peer("edge")["state"] == "Established", "the session")


def changed(case, cw, core):
    with case.step("a policy that changes is applied to what is there, and no session is reset"):
        before = cw.json("bgp", "peer", "core")["peer"][0]["established-count"]
        other = copy.deepcopy(CONFIG)
        other["causeway:connector"]["policy"][0]["rule"][1]["match"] = {"prefix-list": "statics2"}
        other["causeway:connector"]["prefix-list"].append(
            {"name": "statics2", "entry": [{"seq": 1, "prefix": "172.30.0.0/16", "le": 24}]})
        cw.configure(other)
        cw.reload()
        wait_for("they are refused", lambda: len([r for r in cw.json("bgp", "routes", "--rejected")["route"]
                                                  if "rule no-documentation of policy in" in r["reason"]]) == 4, 10)
        equal(cw.json("bgp", "peer", "core")["peer"][0]["established-count"], before, "sessions")


def main(case):
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        core, edge = router(lab, onprem, "core", 1), router(lab, onprem, "edge", 2)
        cw = Causeway(onprem, config=CONFIG).start()
        for name in ("core", "edge"):
            wait_for(f"{name} Established", lambda n=name: cw.peer(n).get("state") == "Established", 20, alive=[cw.process])
        imports(case, cw, core)
        exports(case, edge)
        sources(case, cw, onprem, core, edge)
        overridden(case, cw, onprem, core, edge)
        limits(case, cw, core, edge)
        changed(case, cw, core)
        cw.stop()


run_case("bgp_policy", main)
