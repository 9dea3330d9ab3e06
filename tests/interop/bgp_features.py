#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a BGP session may have besides routes, with each speaker that has it, all at once on links of their own: TCP MD5 (RFC 2385)
and GTSM (RFC 5082), opened by them and by us; what they refuse; enhanced route refresh (RFC 7313), extended messages (RFC 8654), and
routes that stay while the peer restarts (RFC 4724)."""
from dataclasses import dataclass, field

from lab import kernel
from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.exabgp import ExabgpRouter
from lab.frr import FrrRouter
from lab.gobgp import GobgpRouter
from lab.lab import wait_for
from lab.openbgpd import OpenbgpdRouter
from lab.router import Route, Session

PATIENCE = 90
PASSWORD, WRONG = "correct-horse-battery", "incorrect-horse-battery"
MD5 = {
    BirdRouter: {"options": f'password "{PASSWORD}";'},
    FrrRouter: {"options": [f"password {PASSWORD}"]},
    GobgpRouter: {"config": f' auth-password = "{PASSWORD}"\n'},
    OpenbgpdRouter: {"options": f' tcp md5sig password "{PASSWORD}"'},
    ExabgpRouter: {"options": f'md5-password "{PASSWORD}"; md5-base64 false;'},
}
NOT_THEIRS = (OpenbgpdRouter, True)  # release 7.7 answers no signed SYN; all the others do
GTSM = {
    BirdRouter: {"options": "ttl security on;"},
    FrrRouter: {"options": ["ttl-security hops 1"]},
    GobgpRouter: {"options": " [neighbors.ttl-security.config]\n enabled = true\n ttl-min = 255\n"},
    OpenbgpdRouter: {"options": " ttl-security yes"},
}
REFRESH = {BirdRouter: {}, FrrRouter: {}, OpenbgpdRouter: {"options": " announce enhanced refresh yes"}}
EXTENDED = {BirdRouter: {"options": "enable extended messages yes;"}, FrrRouter: {}}


@dataclass
class Row:
    """One session: their speaker and its options, our leaves."""
    what: str
    kind: type
    theirs: dict
    ours: dict = field(default_factory=dict)
    passive: bool = False  # the other side
    number: int = 0
    router: object = None

    @property
    def name(self):
        way = "we-open" if self.passive else "they-open"
        return f"{self.kind.__name__.replace('Router', '').lower()}-{self.what}-{way}"

    @property
    def prefix(self):
        return f"10.80.{self.number}.0/24"


def rows():
    table = []
    for passive in (False, True):
        table += [Row("md5", kind, theirs, {"password-file": "right"}, passive) for kind, theirs in MD5.items()
                  if (kind, passive) != NOT_THEIRS]
        table += [Row("gtsm", kind, theirs, {"ttl-security": 1}, passive) for kind, theirs in GTSM.items()]
        table += [Row("wrong-md5", BirdRouter, MD5[BirdRouter], {"password-file": "wrong"}, passive),
                  Row("no-md5", BirdRouter, {}, {"password-file": "right"}, passive),
                  Row("no-gtsm", BirdRouter, {}, {"ttl-security": 1}, passive)]
    table += [Row("refresh", kind, theirs) for kind, theirs in REFRESH.items()]
    table += [Row("extended", kind, theirs, {"extended-messages": True}) for kind, theirs in EXTENDED.items()]
    table += [Row("restart", BirdRouter, {"options": "graceful restart on;"}),
              Row("restart", FrrRouter, {"lines": ["bgp graceful-restart", "bgp graceful-restart preserve-fw-state"],
                                         "networks": ["here"]})]
    for number, row in enumerate(table, 1):
        row.number = number
    return table


def place(lab, onprem, row):
    ns = lab.namespace(f"n{row.number}")
    near, far = f"10.1.{row.number}.1", f"10.1.{row.number}.2"
    lab.link(onprem, f"r{row.number}", f"{near}/24", ns, "up0", f"{far}/24")
    theirs = dict(row.theirs)
    if "networks" in theirs:
        theirs["networks"] = [row.prefix]
    row.router = row.kind(ns, row.name, Session(65100, far, far, near, 65001, row.passive), **theirs)


def configuration(cw, table):
    files = {"right": cw.secret(PASSWORD, "right.key"), "wrong": cw.secret(WRONG, "wrong.key")}
    peers = []
    for row in table:
        leaves = {k: files.get(v, v) if k == "password-file" else v for k, v in row.ours.items()}
        peers.append({"name": row.name, "local-address": f"10.1.{row.number}.1", "peer-address": f"10.1.{row.number}.2",
                      "peer-as": 65100, "mode": "active" if row.passive else "passive", **leaves})
    return {"causeway:connector": {"as": 65001, "router-id": "10.0.0.10", "announce": ["10.0.0.0/16"], "peer": peers}}


def peer(cw, row):
    return cw.json("bgp", "peer", row.name)["peer"][0]


def up(cw, row):
    return cw.peer(row.name).get("state") == "Established" and row.router.established()


def refreshed(cw, row):
    check(peer(cw, row)["capabilities"]["enhanced-route-refresh"], "not negotiated")
    if not row.router.resends:  # the other way round, then: it counts our begin and end
        row.router.refresh()
        wait_for("our begin and end", lambda: row.router.sweeps() == (1, 1), PATIENCE)
        return
    before = peer(cw, row)["messages"]["in"]["route-refresh"]
    cw.cli("bgp", "refresh", row.name)
    wait_for("the peer's begin and end", lambda: peer(cw, row)["messages"]["in"]["route-refresh"] >= before + 2, PATIENCE)


def in_kernel(onprem, row):
    return kernel.route(onprem, row.prefix) is not None


def restarted(onprem, cw, row):
    """Killed and started: the route is in the kernel whenever one looks, and the new session confirms it."""
    count = peer(cw, row)["established-count"]
    row.router.kill()
    wait_for("the session's end", lambda: cw.peer(row.name)["state"] != "Established", PATIENCE)
    check(in_kernel(onprem, row), "the route went with the session")
    row.router.start()

    def back():
        check(in_kernel(onprem, row), "the route was away")
        return peer(cw, row)["established-count"] > count and up(cw, row)
    wait_for("the new session", back, PATIENCE)
    wait_for("nothing to be held any more", lambda: not (peer(cw, row)["graceful-restart"] or {}).get("stale-routes"), PATIENCE)
    check(in_kernel(onprem, row), "the route is away after the restart")


def main(case):
    table = rows()
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        for row in table:
            place(lab, onprem, row)
        before = kernel.snapshot(onprem)
        for row in table:
            if row.passive:
                row.router.start()
        cw = Causeway(onprem)
        cw.configure(configuration(cw, table))
        cw.start()
        for row in table:
            if not row.passive:
                row.router.start()
        refused = [r for r in table if r.what in ("wrong-md5", "no-md5", "no-gtsm")]
        for row in table:
            if row not in refused:
                with case.row(row.name, lab):
                    wait_for("Established", lambda r=row: up(cw, r), PATIENCE)
                    if row.what == "extended":
                        check(peer(cw, row)["capabilities"]["extended-messages"], "not negotiated")
                    if row.what == "refresh":
                        refreshed(cw, row)
        for row in table:
            if row.what == "restart":
                with case.row(f"{row.name}: the route stays", lab):
                    if isinstance(row.router, BirdRouter):
                        row.router.announce(Route(row.prefix))
                    wait_for("the route", lambda r=row: in_kernel(onprem, r), PATIENCE)
                    restarted(onprem, cw, row)
        for row in refused:  # the others have had all the time that a session takes
            with case.row(f"{row.name}: refused", lab):
                equal(peer(cw, row)["established-count"], 0, "sessions")
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case("bgp_features", main)
