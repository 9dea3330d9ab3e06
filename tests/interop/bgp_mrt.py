#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BGP recorded to MRT files (RFC 6396, RFC 8050) beside two routers of the LAN (BIRD), one with path identifiers: every message
and every change of state, read back strictly and by OpenBGPD; the table with path identifiers; files that end and go; a disk
that refuses for a while."""
import glob
import os

from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import run, wait_for
from lab.mrt import MESSAGE_AS4, MESSAGE_AS4_PATHS, RIB4, RIB4_PATHS, STATE_AS4, records

PLAIN, PATHS, BOTH = "172.20.0.0/16", "172.21.0.0/16", "172.22.0.0/16"


def config(**mrt):
    return {"causeway:connector": {
        "as": 65001, "router-id": "10.1.1.1", "announce": ["10.0.0.0/16"], "mrt": mrt,
        "peer": [{"name": "core", "local-address": "10.1.1.1", "peer-address": "10.1.1.2", "peer-as": 65101},
                 {"name": "edge", "local-address": "10.1.2.1", "peer-address": "10.1.2.2", "peer-as": 65102,
                  "add-path": "receive"}]}}


def router(lab, onprem, name, number, announce):
    ns = lab.namespace(name)
    lab.link(onprem, f"r{number}", f"10.1.{number}.1/24", ns, "up0", f"10.1.{number}.2/24")
    bird = Bird(ns, name, router_id=f"10.1.{number}.2", asn=65100 + number, local=f"10.1.{number}.2",
                peers=[(f"10.1.{number}.1", 65001)], announce=announce, multihop=False)
    if number == 2:
        with open(bird.conf, encoding="utf-8") as f:
            text = f.read().replace("next hop self;", "next hop self; add paths tx;")
        lab.write(f"{name}.conf", text)
    return bird.start()


def heard(lab, pattern, growing=True):
    return [r for path in sorted(glob.glob(lab.path(pattern))) for r in records(path, growing)]


def updates(rows, peer, member, prefix):
    return [(r["subtype"], path) for r in rows if r.get("type") == 2 and r["peer"] == peer for p, path in r[member] if p == prefix]


def recorded(case, cw, lab, core):
    with case.step("every message and change of state, those with path identifiers as such"):
        core.announce([PLAIN, BOTH, "172.30.0.0/16"])
        wait_for("the route", lambda: updates(heard(lab, "all.*"), "10.1.1.2", "announced", "172.30.0.0/16"), 20, alive=[cw.process])
        core.announce([PLAIN, BOTH])
        wait_for("its withdrawal", lambda: updates(heard(lab, "all.*"), "10.1.1.2", "withdrawn", "172.30.0.0/16"), 20,
                 alive=[cw.process])
        rows = heard(lab, "all.*")
        for peer, asn, subtype in (("10.1.1.2", 65101, MESSAGE_AS4), ("10.1.2.2", 65102, MESSAGE_AS4_PATHS)):
            mine = [r for r in rows if r["peer"] == peer]
            equal({(r["peer-as"], r["local-as"]) for r in mine}, {(asn, 65001)}, "AS numbers")
            check({1, 2, 4} <= {r.get("type") for r in mine}, "OPEN, UPDATE and KEEPALIVE")
            changes = [(r["was"], r["is"]) for r in mine if r["subtype"] == STATE_AS4]
            equal((changes[-1], all(a[1] == b[0] for a, b in zip(changes, changes[1:]))), ((5, 6), True), f"states {changes}")
            found = updates(rows, peer, "announced", BOTH)
            equal([s for s, _ in found], [subtype], "the subtype")
            equal(found[0][1] is not None, subtype == MESSAGE_AS4_PATHS, "the path identifier")
    with case.step("OpenBGPD reads the file too"):
        files = glob.glob(lab.path("all.*"))
        text = run(["bgpctl", "show", "mrt", "file", files[0]]).stdout
        check("10.1.1.2" in text and "172.20.0.0/16" in text, text)
    with case.step("shown: the file, what is in it, nothing dropped"):
        row = cw.json("bgp", "summary")["mrt"]
        equal((row["file"], row["files"], row["error"], row["dropped"]), (files[0], 1, None, {"queue-full": 0, "not-written": 0}), "mrt")
        check(row["records"] >= len(rows) and row["bytes"] > 0, f"{row}")


def dumped(case, cw, lab):
    with case.step("dump: routes with path identifiers have records of their own"):
        cw.cli("bgp", "dump", lab.path("table.mrt"))
        rows = records(lab.path("table.mrt"))
        index = rows[0]["index"]
        table = {(r["prefix"], r["subtype"]): [(index[peer][0], path is None) for peer, path in r["entries"]] for r in rows[1:]}
        equal(table, {(PLAIN, RIB4): [("10.1.1.2", True)], (BOTH, RIB4): [("10.1.1.2", True)],
                      (BOTH, RIB4_PATHS): [("10.1.2.2", False)], (PATHS, RIB4_PATHS): [("10.1.2.2", False)]}, "the table")
        text = run(["bgpctl", "show", "mrt", "file", lab.path("table.mrt")]).stdout
        check(PATHS in text and PLAIN in text, text)


def configured(cw, **mrt):
    cw.configure(config(**mrt))
    applied = cw.process.output().count("applied")
    cw.reload()
    wait_for("the reload", lambda: cw.process.output().count("applied") > applied, 20)


def rotated(case, cw, lab, core):
    with case.step("UPDATEs alone; a file ends when its time is over, so many stay, what is another's stays"):
        lab.write("upd.notes", "not ours")
        configured(cw, file=lab.path("upd.%s"), messages="updates", **{"rotate-interval": 10, "keep": 1})
        for number in range(3):
            before = cw.json("bgp", "summary")["mrt"]["files"]
            core.announce([PLAIN, BOTH, f"172.40.{number}.0/24"])
            wait_for("a file more", lambda n=before: cw.json("bgp", "summary")["mrt"]["files"] > n, 20, alive=[cw.process])
            wait_for("its end", lambda: cw.json("bgp", "summary")["mrt"]["file"] is None, 30, alive=[cw.process])
        equal(len(glob.glob(lab.path("upd.[0-9]*"))), 2, "files")
        check(os.path.exists(lab.path("upd.notes")), "a file of somebody else is gone")
        equal({r["type"] for r in heard(lab, "upd.[0-9]*")}, {2}, "types of messages")


def refused(case, cw, lab, core):
    with case.step("a directory that is not there: said once, counted, and it goes on when it is"):
        configured(cw, file=lab.path("later/u"))
        core.announce([PLAIN, BOTH, "172.41.0.0/16"])
        wait_for("the error", lambda: (cw.json("bgp", "summary")["mrt"]["error"] or {}).get("id") == "record-not-opened", 20)
        check(cw.json("bgp", "summary")["mrt"]["dropped"]["not-written"] > 0, "nothing was counted")
        check("record-not-opened" in cw.process.output(), "the log says nothing")
        os.mkdir(lab.path("later"))

        def again():
            cw.cli("bgp", "refresh", "core")
            return cw.json("bgp", "summary")["mrt"]["error"] is None
        wait_for("recording again", again, 30, alive=[cw.process])
        check(heard(lab, "later/u*"), "no record")
        check("recording goes on" in cw.process.output(), "the log does not say so")


def main(case):
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        core, edge = router(lab, onprem, "core", 1, [PLAIN, BOTH]), router(lab, onprem, "edge", 2, [PATHS, BOTH])
        cw = Causeway(onprem, config=config(file=lab.path("all.%Y%m%d"), **{"rotate-interval": 0})).start()
        for name in ("core", "edge"):
            wait_for(f"{name} Established", lambda n=name: cw.peer(n).get("state") == "Established", 20, alive=[cw.process])
        wait_for("all routes", lambda: len(cw.json("bgp", "routes", "--received")["route"]) == 4, 20)
        check(edge.established(), "BIRD's side")
        recorded(case, cw, lab, core)
        dumped(case, cw, lab)
        rotated(case, cw, lab, core)
        refused(case, cw, lab, core)
        cw.stop()
        with case.step("what waited at the end is in the file"):
            rows = heard(lab, "later/u*", growing=False)
            check(rows and all(r["kind"] == 16 for r in rows), "the file")


run_case("bgp_mrt", main)
