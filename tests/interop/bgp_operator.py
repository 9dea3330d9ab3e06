#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does to BGP while it runs, seen from a router of the LAN (BIRD): networks announced and withdrawn by
command, refresh both ways, a session down with a message and up again."""
import copy
import json
import re
import signal

from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import run, wait_for

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


def bird_log(bird):
    with open(bird.lab.path(f"{bird.name}-file.log"), encoding="utf-8", errors="replace") as f:
        return f.read()


class Monitor:
    """`bgp monitor` in the background; its events so far."""

    def __init__(self, cw, *args):
        self.process = cw.ns.spawn(f"monitor{len(args)}", f"{cw.bin}/causeway", "-s", cw.socket, "bgp", "monitor", "--json", *args,
                                   env=cw._environment())
        wait_for("the monitor to listen", lambda: "Listening" in self.process.output(), 10, alive=[self.process])

    def events(self):
        return [json.loads(line) for line in self.process.output().splitlines() if line.startswith("{")]

    def wait(self, **members):
        wait_for(f"an event with {members}",
                 lambda: any(all(e.get(k) == v for k, v in members.items()) for e in self.events()), 10)

    def end(self):
        self.process.stop()


def monitored(case, cw, bird):
    with case.step("monitor: what the peer says, what is chosen, and the kernel's word; by prefix only that"):
        every, one = Monitor(cw), Monitor(cw, "172.30.0.0/16")
        bird.announce([CORE_NET, "172.30.0.0/16", "172.31.0.0/16"])
        for monitor in (every, one):
            monitor.wait(event="announce", peer="core", prefix="172.30.0.0/16", nexthop="10.1.1.2", **{"as-path-text": "65101"})
            monitor.wait(event="best", prefix="172.30.0.0/16", nexthop="10.1.1.2", ways=1)
            monitor.wait(event="fib", prefix="172.30.0.0/16", **{"in-kernel": True})
        bird.announce([CORE_NET])
        for monitor in (every, one):
            monitor.wait(event="withdraw", peer="core", prefix="172.30.0.0/16")
            monitor.wait(event="best", prefix="172.30.0.0/16", ways=0)
        every.wait(event="withdraw", peer="core", prefix="172.31.0.0/16")
        check(all(e["prefix"] == "172.30.0.0/16" for e in one.events()), f"events of other prefixes: {one.events()}")
        one.end()
        refused(cw, 4, "no-such-peer", "bgp", "monitor", "--peer", "edge")
    return every


def slow_reader(case, cw, bird):
    with case.step("a monitor that sleeps loses events, is told how many, and goes on"):
        slow = Monitor(cw, "--peer", "core")
        slow.process.signal(signal.SIGSTOP)
        many = [f"172.{24 + i // 4096}.{i // 16 % 256}.{i % 16 * 16}/28" for i in range(8192)]
        bird.announce([CORE_NET, *many])
        wait_for("all of them", lambda: cw.peer("core")["received"] == 1 + len(many), 30)
        bird.announce([CORE_NET])
        wait_for("none of them", lambda: cw.peer("core")["received"] == 1, 30)
        slow.process.signal(signal.SIGCONT)
        wait_for("the loss", lambda: [e for e in slow.events() if e["event"] == "lost"], 20, alive=[slow.process])
        check(all(e["lost"] > 0 for e in slow.events() if e["event"] == "lost"), "a loss of nothing")
        bird.announce([CORE_NET, "172.40.0.0/16"])
        slow.wait(event="announce", prefix="172.40.0.0/16")
        bird.announce([CORE_NET])
        slow.end()


def dumped(case, cw, bird, lab):
    with case.step("dump: an MRT file that OpenBGPD reads: every route as it was received, also the refused one"):
        sent = [CORE_NET, "172.30.0.0/16", "10.1.1.128/25"]
        bird.announce(sent)
        wait_for("all three", lambda: len(cw.json("bgp", "routes", "--received")["route"]) == 3, 10)
        check([r for r in cw.json("bgp", "routes", "--rejected")["route"] if r["prefix"] == sent[2]], "it is not refused")
        cw.cli("bgp", "dump", lab.path("table.mrt"))
        text = run(["bgpctl", "show", "mrt", "detail", "file", lab.path("table.mrt")]).stdout
        rows = re.findall(r"entry for (\S+)\n *(\S+)\n *Nexthop (\S+) .* Neighbor (\S+) \((\S+)\)\n *Origin (\w+)", text)
        equal(sorted(rows), sorted((p, "65101", "10.1.1.2", "10.1.1.2", "10.1.1.2", "IGP") for p in sent), "the file")
        refused(cw, 1, "table.mrt", "bgp", "dump", lab.path("nowhere/table.mrt"))
        bird.announce([CORE_NET])


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
        wait_for("BIRD saw the words", lambda: "maintenance until six" in bird.birdc("show", "protocols", "all", "peer").stdout
                 or "maintenance until six" in bird_log(bird), 10)
        row = cw.json("bgp", "peer", "core")["peer"][0]
        equal((row["admin"], row["state"], row["error"]["id"]), ("down", "Idle", "bgp-admin-down"), "the peer")
        equal([(h["state"], h["times"]) for h in row["history"][:2]], [("Idle", 1), ("Established", 1)], "its history")
        sent = row["notification"]["sent"]
        equal((sent["code"], sent["subcode"]), (6, 2), "the NOTIFICATION")
        check("maintenance until six" in sent["text"], sent["text"])
        check(row["prefixes"]["in"]["withdrawn"] and row["prefixes"]["out"]["announced"], f"counters {row['prefixes']}")
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
        every = monitored(case, cw, bird)
        slow_reader(case, cw, bird)
        dumped(case, cw, bird, lab)
        sessions(case, cw, bird)
        every.wait(event="state", peer="core", was="Established", state="Idle",
                   reason="core: taken down by command: maintenance until six")
        every.wait(event="state", peer="core", state="Established")
        every.end()
        cw.stop()


run_case("bgp_operator", main)
