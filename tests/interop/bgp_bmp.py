#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BMP (RFC 7854) to a station that decodes strictly: sessions with their OPENs, the whole table and its end, changes as they
come, statistics, why a session ended, and the end of it all; Wireshark's dissector agrees."""
from lab.bird import Bird
from lab.bmp import Station
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import run, wait_for

CORE_NET, MANY = "172.20.0.0/16", [f"172.30.{i}.0/24" for i in range(200)]
CONFIG = {"causeway:connector": {
    "as": 65001, "router-id": "10.1.1.1", "announce": ["10.0.0.0/16"],
    "bmp-station": [{"name": "noc", "address": "10.1.1.2", "port": 1790, "statistics-interval": 5}],
    "peer": [{"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101}]}}


def table(case, station):
    with case.step("the session with its OPENs, all routes, and their end"):
        wait_for("Peer Up", lambda: station.heard("up"), 20, alive=[station.process])
        up = station.heard("up")[0]
        equal((up["peer"], up["as"], up["id"], up["local"], up["post"]), ("10.1.1.2", 65101, "10.1.1.2", "10.1.1.1", False), "peer")
        equal((up["sent"]["as"], up["sent"]["id"], up["received"]["as"], up["received"]["id"]),
              (65001, "10.1.1.1", 65101, "10.1.1.2"), "OPENs")
        check(179 in up["ports"], f"ports {up['ports']}")
        wait_for("End-of-RIB", lambda: station.heard("route", eor="ipv4"), 20, alive=[station.process])
        for prefix in (CORE_NET, *MANY):
            rows = station.announced(prefix)
            check(rows, f"{prefix} was not told")
            equal((rows[0]["as-path"], rows[0]["nexthop"], rows[0]["peer"]), ([65101], "10.1.1.2", "10.1.1.2"), prefix)
        first = station.process.output().splitlines()
        check('"initiation"' in next(line for line in first if '"message"' in line and "listening" not in line
                                     and "connected" not in line), "Initiation is not first")


def changes(case, cw, bird, station):
    with case.step("changes as they come, and statistics"):
        bird.announce([CORE_NET, "172.31.0.0/16"])
        wait_for("the new one", lambda: station.announced("172.31.0.0/16"), 10, alive=[station.process])
        wait_for("the withdrawals", lambda: all(station.withdrawn(p) for p in MANY), 10, alive=[station.process])
        wait_for("statistics", lambda: [r for r in station.heard("stats") if r["stat"].get("7") == 2], 20,
                 alive=[station.process])
    with case.step("why a session ended, and that it is back"):
        cw.cli("bgp", "down", "core", "--message", "maintenance until six")
        wait_for("Peer Down", lambda: station.heard("down"), 10, alive=[station.process])
        equal([(r["reason"], r["notification"], r["words"]) for r in station.heard("down")],
              [(1, [6, 2], "maintenance until six")], "by us")
        cw.cli("bgp", "up", "core", "--timeout", "40")
        wait_for("the second Peer Up", lambda: len(station.heard("up")) == 2, 10, alive=[station.process])
        bird.birdc("disable", "peer")
        wait_for("the second Peer Down", lambda: len(station.heard("down")) == 2, 10, alive=[station.process])
        row = station.heard("down")[1]
        equal((row["reason"], row["notification"]), (3, [6, 2]), "by the peer")


def wireshark(case, lab, station):
    """The stream as packets: a TCP segment for each piece, with the addresses of the lab."""
    with case.step("Wireshark's dissector reads the stream"):
        with open(station.file, "rb") as f:
            data = f.read()
        text = "".join("000000 " + " ".join(f"{b:02x}" for b in data[i:i + 1000]) + "\n" for i in range(0, len(data), 1000))
        lab.write("bmp.hex", text)
        run(["text2pcap", "-q", "-T", "40000,1790", lab.path("bmp.hex"), lab.path("bmp.pcap")])
        out = run(["tshark", "-r", lab.path("bmp.pcap"), "-d", "tcp.port==1790,bmp", "-T", "fields", "-e", "bmp.type",
                   "-e", "_ws.malformed"]).stdout
        types = [t for line in out.splitlines() for t in line.split("\t")[0].split(",") if t]
        # Messages that two segments share are seen where they are whole.
        check({"0", "1", "2", "3", "4"} <= set(types), f"message types {sorted(set(types))}")
        check("alformed" not in out, "a malformed message")


def main(case):
    with case.lab() as lab:
        onprem, core = lab.namespace("onprem"), lab.namespace("core")
        lab.link(onprem, "r1", "10.1.1.1/24", core, "up0", "10.1.1.2/24")
        core.ip("addr", "add", "172.20.0.1/32", "dev", "lo")
        bird = Bird(core, "bird-core", router_id="10.1.1.2", asn=65101, local="10.1.1.2", peers=[("10.1.1.1", 65001)],
                    announce=[CORE_NET, *MANY], multihop=False).start()
        station = Station(core, "10.1.1.2")
        wait_for("the station", lambda: station.heard("listening"), 10, alive=[station.process])
        cw = Causeway(onprem, config=CONFIG).start()
        table(case, station)
        changes(case, cw, bird, station)
        wireshark(case, lab, station)
        with case.step("a reload without the station ends it; with it again, the whole table comes again"):
            bird.birdc("enable", "peer")
            wait_for("the third Peer Up", lambda: len(station.heard("up")) == 3, 20, alive=[station.process])
            none = {"causeway:connector": {k: v for k, v in CONFIG["causeway:connector"].items() if k != "bmp-station"}}
            cw.configure(none)
            cw.reload()
            wait_for("Termination", lambda: station.heard("termination", tlv={"1": 0}), 10, alive=[station.process])
            cw.configure(CONFIG)
            cw.reload()
            wait_for("Initiation again", lambda: len(station.heard("initiation")) == 2, 10, alive=[station.process])
            wait_for("the table again", lambda: len(station.heard("up")) == 4 and
                     station.announced(CORE_NET)[-1]["time"] and len(station.announced(CORE_NET)) >= 2, 20, alive=[station.process])
        with case.step("the daemon's end is the last that is told"):
            cw.stop()
            wait_for("Termination", lambda: len(station.heard("termination")) == 2, 10, alive=[station.process])


run_case("bgp_bmp", main)
