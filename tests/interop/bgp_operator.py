#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does to BGP while it runs, seen from a router of the LAN (BIRD): networks announced and withdrawn by
command, refresh both ways, a session down with a message and up again."""
import copy

from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import wait_for

OURS, MORE, CORE_NET = "10.0.0.0/16", "10.9.0.0/16", "172.20.0.0/16"
CONFIG = {"causeway:connector": {
    "as": 65001, "router-id": "10.1.1.1", "announce": [OURS],
    "peer": [{"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101}]}}


def refused(cw, code, words, *args):
    done = cw.cli(*args, check=False)
    equal(done.returncode, code, f"causeway {' '.join(args)}: {done.stderr}")
    check(words in done.stderr, f"causeway {' '.join(args)} says {done.stderr!r}, not {words!r}")


def messages(cw, name="core"):
    return cw.json("bgp", "peer", name)["peer"][0]["messages"]


def networks(case, cw, bird):
    with case.step("announce: said to whom, seen there, and shown"):
        done = cw.cli("bgp", "announce", MORE)
        check(f"{MORE} is announced to core" in done.stdout, done.stdout)
        wait_for("the router has it", lambda: bird.as_path(MORE) == [65001], 10)
        equal(cw.json("bgp", "summary")["by-command"], [{"prefix": MORE, "withdrawn": False}], "by-command")
    with case.step("what is never announced is refused, and nothing of that command is done"):
        refused(cw, 5, "announce-default", "bgp", "announce", "10.8.0.0/16", "0.0.0.0/0")
        refused(cw, 5, "announce-martian", "bgp", "announce", "169.254.0.0/16")
        refused(cw, 5, "announce-host-bits", "bgp", "announce", "10.8.1.0/16")
        refused(cw, 4, "not-announced", "bgp", "withdraw", "10.8.0.0/16")
        equal(bird.as_path("10.8.0.0/16"), None, "a network of a refused command")
    with case.step("withdraw: of the command's network, and of the configuration's, which a reload leaves so"):
        cw.cli("bgp", "withdraw", MORE, OURS)
        wait_for("both are gone", lambda: bird.as_path(MORE) is None and bird.as_path(OURS) is None, 10)
        equal(cw.json("bgp", "summary")["by-command"], [{"prefix": OURS, "withdrawn": True}], "by-command")
        more = copy.deepcopy(CONFIG)
        more["causeway:connector"]["announce"].append("10.2.0.0/16")
        cw.configure(more)
        cw.reload()
        wait_for("the new network is there", lambda: bird.as_path("10.2.0.0/16") == [65001], 10)
        equal(bird.as_path(OURS), None, "withdrawn by command, after a reload")
        cw.cli("bgp", "announce", OURS)
        wait_for("it is back", lambda: bird.as_path(OURS) == [65001], 10)
        equal(cw.json("bgp", "summary")["by-command"], [], "by-command")


def refresh(case, cw):
    with case.step("refresh: we ask and get all again; we tell all again"):
        before = messages(cw)
        cw.cli("bgp", "refresh", "core")
        wait_for("the router's routes again", lambda: messages(cw)["in"]["update"] > before["in"]["update"], 10)
        equal(messages(cw)["out"]["route-refresh"], before["out"]["route-refresh"] + 1, "requests")
        before = messages(cw)
        cw.cli("bgp", "refresh", "core", "--out")
        wait_for("ours again", lambda: messages(cw)["out"]["update"] > before["out"]["update"], 10)
        refused(cw, 4, "no-such-peer", "bgp", "refresh", "edge")


def sessions(case, cw, bird):
    with case.step("down: a Cease, the routes go, a reload does not start it"):
        cw.cli("bgp", "down", "core", "--message", "maintenance until six")
        wait_for("BIRD saw the shutdown", lambda: "dministrative shutdown" in bird.birdc("show", "protocols", "all", "peer").stdout,
                 10)
        row = cw.json("bgp", "peer", "core")["peer"][0]
        equal((row["admin"], row["state"], row["error"]["id"]), ("down", "Idle", "bgp-admin-down"), "the peer")
        equal([r for r in cw.json("bgp", "routes")["route"] if r["prefix"] == CORE_NET], [], "its routes")
        refused(cw, 5, "bgp-not-established", "bgp", "refresh", "core")
        cw.reload()
        wait_for("the reload", lambda: cw.process.output().count("applied") >= 2, 10)
        equal(cw.peer("core")["state"], "Idle", "after a reload")
        equal(bird.established(), False, "BIRD's side")
    with case.step("up: Established, and its routes are back"):
        done = cw.cli("bgp", "up", "core", "--timeout", "40")
        check("Established" in done.stderr, done.stderr)
        wait_for("its route", lambda: [r for r in cw.json("bgp", "routes")["route"] if r["prefix"] == CORE_NET], 10)


def main(case):
    with case.lab() as lab:
        onprem, core = lab.namespace("onprem"), lab.namespace("core")
        lab.link(onprem, "r1", "10.1.1.1/24", core, "up0", "10.1.1.2/24")
        core.ip("addr", "add", "172.20.0.1/32", "dev", "lo")
        bird = Bird(core, "bird-core", router_id="10.1.1.2", asn=65101, local="10.1.1.2", peers=[("10.1.1.1", 65001)],
                    announce=[CORE_NET], multihop=False).start()
        cw = Causeway(onprem, config=CONFIG).start()
        wait_for("Established", lambda: cw.peer("core").get("state") == "Established", 20, alive=[cw.process])
        wait_for("our network", lambda: bird.as_path(OURS) == [65001], 10)
        networks(case, cw, bird)
        refresh(case, cw)
        sessions(case, cw, bird)
        cw.stop()


run_case("bgp_operator", main)
