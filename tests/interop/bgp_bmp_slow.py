#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A BMP station that stops reading while there is more to be told than may wait for it: it is cut at 4 MiB,
nobody else notices, and when it reads again it is told the sessions and the whole table anew."""
import os
import signal
import sys

from lab import speaker as flood
from lab.bmp import Station
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import wait_for

UPDATES = 900  # of 4 KB: once they fit into the 4 MiB that may wait, twice (before and after policy) they do not
CONFIG = {"causeway:connector": {
    "as": 65001, "router-id": "10.1.1.1", "announce": ["10.0.0.0/16"],
    "bmp-station": [{"name": "slow", "address": "10.1.2.2", "port": 1790, "adj-rib-in": "both", "statistics-interval": 0},
                    {"name": "quick", "address": "10.1.2.2", "port": 1791, "statistics-interval": 0}],
    "peer": [{"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101, "mode": "passive"}]}}


def started(station, station_name):
    wait_for(f"station {station_name}", lambda: station.heard("listening"), 10, alive=[station.process])
    return station


def main(case):
    with case.lab() as lab:
        onprem, core, noc = lab.namespace("onprem"), lab.namespace("core"), lab.namespace("noc")
        lab.link(onprem, "r1", "10.1.1.1/24", core, "up0", "10.1.1.2/24")
        lab.link(onprem, "r2", "10.1.2.1/24", noc, "up0", "10.1.2.2/24")
        for ns in (onprem, noc):  # the kernel's share of what waits is small, and always the same
            ns.sysctl("net.ipv4.tcp_wmem", "4096 65536 65536")
            ns.sysctl("net.ipv4.tcp_rmem", "4096 65536 65536")
        slow, quick = started(Station(noc, "10.1.2.2", 1790, "slow"), "slow"), started(Station(noc, "10.1.2.2", 1791, "quick"), "quick")
        cw = Causeway(onprem, config=CONFIG).start()
        go = lab.path("go")
        os.mkfifo(go)
        speaker = core.spawn("speaker", "sh", "-c", f"exec {sys.executable} {flood.__file__} 10.1.1.2 10.1.1.1 65101 {UPDATES} <{go}")
        with open(go, "w", encoding="utf-8") as f:
            for station in (slow, quick):
                wait_for("Peer Up", lambda s=station: s.heard("up"), 30, alive=[cw.process, speaker])
            with case.step("it stops reading: cut, and nobody else waits"):
                slow.process.signal(signal.SIGSTOP)
                f.write("go\n")
                f.flush()
                wait_for("the cut", lambda: "station slow: it does not read what it is sent" in cw.process.output(), 120,
                         alive=[cw.process, speaker])
                wait_for("the other station has all", lambda: quick.heard("route", eor="ipv4") and all(quick.announced(p) for p in flood.PREFIXES),
                         120, alive=[cw.process, quick.process])
                equal((cw.peer("core")["state"], cw.peer("core")["received"]), ("Established", len(flood.PREFIXES)), "the peer")
                equal(len(quick.heard("down")), 0, "Peer Downs")
                check("station quick: " not in cw.process.output(), "the other station was cut")
            with case.step("it reads again: sessions and table anew"):
                slow.process.signal(signal.SIGCONT)
                wait_for("a new connection", lambda: len(slow.heard("initiation")) == 2, 120, alive=[cw.process, slow.process])
                for post in (False, True):
                    wait_for("End-of-RIB", lambda p=post: slow.heard("route", eor="ipv4", post=p), 60, alive=[cw.process])
                equal(len(slow.heard("up")), 2, "Peer Ups")
                for prefix in flood.PREFIXES:
                    for post in (False, True):
                        row, there = slow.last(prefix, post), quick.last(prefix, False)
                        equal((row["announced"], row["as-path"]), ([prefix], there["as-path"]), f"{prefix}, after policy: {post}")
        cw.stop()


run_case("bgp_bmp_slow", main)
