#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BMP (RFC 7854) to a station that decodes strictly: sessions with their OPENs, the whole table and its end, changes as they
come, statistics, why a session ended, and the end of it all; Wireshark's dissector agrees."""
import copy

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
REFUSED, LOWERED, SPARED = MANY[1], MANY[2], MANY[3]


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


def policy(*refused):
    """The configuration with a second station, which is told of routes before and after this policy."""
    changed = copy.deepcopy(CONFIG)
    connector = changed["causeway:connector"]
    connector["bmp-station"].append({"name": "both", "address": "10.1.1.2", "port": 1791, "adj-rib-in": "both"})
    connector["prefix-list"] = [{"name": name, "entry": [{"seq": i, "prefix": p} for i, p in enumerate(prefixes, 1)]}
                                for name, prefixes in (("refused", refused), ("lowered", [LOWERED]))]
    connector["policy"] = [{"name": "in", "otherwise": "accept", "rule": [
        {"name": "no", "match": {"prefix-list": "refused"}, "action": "reject"},
        {"name": "low", "match": {"prefix-list": "lowered"}, "set": {"local-pref": 50}}]}]
    connector["peer"][0]["import-policy"] = ["in"]
    return changed


def told(both, post, **rows):
    """By prefix: None, "withdrawn", or the local preference."""
    def shown(row):
        return row if row in (None, "withdrawn") else row.get("local-pref", "none")
    return all(shown(both.last(prefix, post)) == want for prefix, want in rows["rows"])


def after_policy(case, lab, cw, bird, core):
    both = Station(core, "10.1.1.2", 1791, "bmp-both")
    wait_for("the station", lambda: both.heard("listening"), 10, alive=[both.process])
    with case.step("after policy: what is accepted, with its local preference; before it everything as it came"):
        bird.announce([CORE_NET, *MANY])
        wait_for("the routes", lambda: cw.peer("core")["received"] == 1 + len(MANY), 40)
        cw.configure(policy(REFUSED))
        cw.reload()
        for post in (False, True):
            wait_for("End-of-RIB", lambda p=post: both.heard("route", eor="ipv4", post=p), 30, alive=[both.process])
        wait_for("as policy says", lambda: told(both, True, rows=[(CORE_NET, 100), (SPARED, 100), (LOWERED, 50)]), 40)
        check(both.last(REFUSED, True) in (None, "withdrawn"), f"a refused route: {both.last(REFUSED, True)}")
        check(told(both, False, rows=[(p, "none") for p in (CORE_NET, REFUSED, LOWERED)]), "as received")
    with case.step("changes as they come: a refused one is withdrawn after policy alone"):
        bird.announce([CORE_NET, REFUSED, LOWERED, "172.31.0.0/16"])
        wait_for("the new one", lambda: told(both, True, rows=[("172.31.0.0/16", 100)]), 40, alive=[both.process])
        wait_for("the withdrawals", lambda: all(both.last(p, post) == "withdrawn" for p in MANY[3:] for post in (False, True)), 40)
        bird.announce([CORE_NET, REFUSED, LOWERED, SPARED])
        wait_for("it is back", lambda: told(both, True, rows=[(SPARED, 100)]), 40, alive=[both.process])
    with case.step("another policy, and no UPDATE of the peer: what is used is told again, with what is not"):
        before = len(both.heard("up"))
        cw.configure(policy(SPARED))
        cw.reload()
        wait_for("as policy says", lambda: told(both, True, rows=[(REFUSED, 100), (SPARED, "withdrawn"), (LOWERED, 50)]), 40,
                 alive=[both.process])
        check(told(both, False, rows=[(REFUSED, "none"), (SPARED, "none")]), "before policy nothing has changed")
        equal(len(both.heard("up")), before, "Peer Ups")
    wireshark(case, lab, both, {"0", "3", "4"})
    both.process.stop()
    cw.configure(CONFIG)
    cw.reload()


def wireshark(case, lab, station, types):
    """The stream as packets: a TCP segment for each piece, with the addresses of the lab."""
    with case.step("Wireshark's dissector reads the stream"):
        with open(station.file, "rb") as f:
            data = f.read()
        text = "".join("000000 " + " ".join(f"{b:02x}" for b in data[i:i + 1000]) + "\n" for i in range(0, len(data), 1000))
        lab.write("bmp.hex", text)
        run(["text2pcap", "-q", "-T", "40000,1790", lab.path("bmp.hex"), lab.path("bmp.pcap")])
        out = run(["tshark", "-r", lab.path("bmp.pcap"), "-d", "tcp.port==1790,bmp", "-T", "fields", "-e", "bmp.type",
                   "-e", "_ws.malformed"]).stdout
        seen = [t for line in out.splitlines() for t in line.split("\t")[0].split(",") if t]
        # Messages that two segments share are seen where they are whole.
        check(types <= set(seen), f"message types {sorted(set(seen))}")
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
        wireshark(case, lab, station, {"0", "1", "2", "3", "4"})
        bird.birdc("enable", "peer")
        wait_for("it is back", lambda: cw.peer("core")["state"] == "Established", 40)
        after_policy(case, lab, cw, bird, core)
        with case.step("a reload without the station ends it; with it again, the whole table comes again"):
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
