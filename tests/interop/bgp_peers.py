#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BGP with the speakers of others, each over IPv4 and over IPv6, opened by them and opened by us, all four at once:

    bgp_peers.py bird|frr|gobgp|openbgpd|exabgp

Sessions, routes both ways with MED, communities and large communities of 4-octet ASes, withdrawals, route refresh both
ways, shutdown communication both ways, and a restart. What we pass on comes from BIRD, which is told what the others announce.
"""
import sys
from dataclasses import dataclass

from lab import kernel
from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.exabgp import ExabgpRouter
from lab.frr import FrrRouter
from lab.gobgp import GobgpRouter
from lab.lab import LabError, wait_for
from lab.openbgpd import OpenbgpdRouter
from lab.router import Route, Router, Seen, Session

OURS, SOURCE, THEIRS = 65001, 4200000001, 4200000100
PEERS = {"bird": BirdRouter, "frr": FrrRouter, "gobgp": GobgpRouter, "openbgpd": OpenbgpdRouter, "exabgp": ExabgpRouter}
PATIENCE = 90
NEWS = "moving to the new rack"


@dataclass
class Row:
    """One session of the table."""
    name: str
    six: bool
    passive: bool  # the other side
    number: int
    router: Router = None
    count: int = 0  # sessions that there have been

    def address(self, side):
        return f"2001:db8:{self.number}::{side}" if self.six else f"10.1.{self.number}.{side}"

    @property
    def theirs(self):
        prefix = f"2001:db8:70:{self.number}::/64" if self.six else f"10.70.{self.number}.0/24"
        return Route(prefix, 30 + self.number, ("65010:1", "65010:2"), (f"{THEIRS}:7:8",))

    @property
    def source(self):
        return SOURCE_ROUTES[self.six]


SOURCE_ROUTES = {six: Route("2001:db8:60::/48" if six else "10.60.0.0/16", 0, ("65010:77", "65020:5"), (f"{SOURCE}:1:2",))
                 for six in (False, True)}
OWN = {False: "10.0.0.0/16", True: "2001:db8:a::/48"}
ROWS = [Row("v4-they-open", False, False, 1), Row("v4-we-open", False, True, 2),
        Row("v6-they-open", True, False, 3), Row("v6-we-open", True, True, 4)]
FEEDS = [Row("source4", False, True, 8), Row("source6", True, True, 9)]


def configuration():
    peers = [{"name": r.name, "local-address": r.address(1), "peer-address": r.address(2),
              "peer-as": SOURCE if r in FEEDS else THEIRS, "mode": "active" if r.passive else "passive", "transit": True}
             for r in ROWS + FEEDS]
    return {"causeway:connector": {"as": OURS, "router-id": "10.0.0.10", "announce": list(OWN.values()), "peer": peers}}


def place(lab, onprem, row, kind):
    """A router on a link of its own."""
    ns = lab.namespace(row.name)
    lab.link(onprem, f"r{row.number}", None, ns, "up0", None)
    for where, dev, side in ((onprem, f"r{row.number}", 1), (ns, "up0", 2)):
        where.ip("addr", "add", f"{row.address(side)}/64" if row.six else f"{row.address(side)}/24", "dev", dev,
                 *(["nodad"] if row.six else []))
    row.router = kind(ns, row.name, Session(SOURCE if row in FEEDS else THEIRS, f"10.1.{row.number}.2", row.address(2),
                                            row.address(1), OURS, row.passive))


def our_row(cw, row, *more):
    """Their route as `bgp routes` shows it, or None."""
    rows = cw.json("bgp", "routes", "--peer", row.name, *more)["route"]
    return next((r for r in rows if r["prefix"] == row.theirs.prefix), None)


def messages(cw, row, direction, kind):
    return cw.json("bgp", "peer", row.name)["peer"][0]["messages"][direction][kind]


def established(cw, row):
    return cw.peer(row.name).get("state") == "Established" and row.router.established()


def each(case, what, act):
    with case.step(what):
        for row in ROWS:
            try:
                act(row)
            except Exception as e:
                raise LabError(f"{row.name}: {e}") from e


def has_ours(row):
    return row.router.seen(OWN[row.six]) == Seen((OURS,), frozenset(), frozenset())


def has_source(row):
    """The AS path in full, the communities; and no MED, which stays with the neighbour (RFC 4271 5.1.4)."""
    want = row.source
    return row.router.seen(want.prefix) == Seen((OURS, SOURCE), frozenset(want.communities), frozenset(want.large))


def we_have_theirs(cw, onprem, row):
    wait_for("their route", lambda: (our_row(cw, row) or {}).get("in-fib"), PATIENCE)
    seen, want = our_row(cw, row), row.theirs
    equal((seen["as-path"], seen["med"], sorted(seen["communities"]), seen["large-communities"]),
          ([THEIRS], want.med, sorted(want.communities), list(want.large)), "their route")
    found = [r for r in kernel.routes(onprem, family="-6" if row.six else "-4") if r["dst"] == want.prefix]
    equal([kernel.devices(onprem, r) for r in found], [[f"r{row.number}"]], "in the kernel")


def passed_on(row):
    """What they taught us, at BIRD."""
    feed, want = FEEDS[row.six], row.theirs
    wait_for("BIRD to be told", lambda: feed.router.seen(want.prefix) == Seen((OURS, THEIRS), frozenset(want.communities),
                                                                             frozenset(want.large)), PATIENCE)


def they_refresh(cw, row):
    before, updates = messages(cw, row, "in", "route-refresh"), messages(cw, row, "out", "update")
    row.router.refresh()
    wait_for("their request", lambda: messages(cw, row, "in", "route-refresh") > before, PATIENCE)
    wait_for("our routes again", lambda: messages(cw, row, "out", "update") > updates, PATIENCE)


def we_refresh(cw, row):
    updates = messages(cw, row, "in", "update")
    cw.cli("bgp", "refresh", row.name)
    if row.router.resends:
        wait_for("their routes again", lambda: messages(cw, row, "in", "update") > updates, PATIENCE)
    else:
        wait_for("them to be asked", lambda: row.router.asked() == 1, PATIENCE)
    check(our_row(cw, row)["best"], "their route is still there")


def they_go(cw, row):
    row.count = cw.json("bgp", "peer", row.name)["peer"][0]["established-count"]
    row.router.down(NEWS)
    if row.router.says_why:
        wait_for("the text here", lambda: NEWS in (cw.json("bgp", "peer", row.name)["peer"][0]["error"] or {}).get("text", ""),
                 PATIENCE)
        check(cw.peer(row.name)["state"] != "Established", "still Established")
        check(our_row(cw, row) is None, "their route is still there")


def they_come(cw, row):
    wait_for("a new session", lambda: cw.json("bgp", "peer", row.name)["peer"][0]["established-count"] > row.count and
             established(cw, row), PATIENCE)


def we_go(cw, row):
    cw.cli("bgp", "down", row.name, "--message", NEWS)
    if row.router.hears_why:
        wait_for("the text there", lambda: row.router.told(NEWS), PATIENCE)
    wait_for("the session's end there", lambda: not row.router.established(), PATIENCE)
    wait_for("our route to go there", lambda: row.router.seen(OWN[row.six]) is None, PATIENCE)


def restarts(cw, row):
    row.router.kill()
    wait_for("the session's end", lambda: cw.peer(row.name)["state"] != "Established", PATIENCE)
    check(our_row(cw, row) is None, "their route is still there")
    row.router.start()


def main(case):
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        for row in FEEDS:
            place(lab, onprem, row, BirdRouter)
        for row in ROWS:
            place(lab, onprem, row, PEERS[sys.argv[1]])
        before = kernel.snapshot(onprem)
        for row in ROWS + FEEDS:
            if row.passive:
                row.router.start()
        cw = Causeway(onprem, config=configuration()).start()
        for row in ROWS:
            if not row.passive:
                row.router.start()
        each(case, "sessions", lambda r: wait_for("Established", lambda: established(cw, r), PATIENCE))
        for row in FEEDS:
            row.router.announce(row.source)
        each(case, "our network there", lambda r: wait_for("it", lambda: has_ours(r), PATIENCE))
        each(case, "a route with all its attributes, passed on to them",
             lambda r: wait_for(f"it; {r.router.seen(r.source.prefix)}", lambda: has_source(r), PATIENCE))
        for row in ROWS:
            row.router.announce(row.theirs)
        each(case, "theirs here, with MED, communities and a 4-octet AS, and in the kernel",
             lambda r: we_have_theirs(cw, onprem, r))
        each(case, "theirs, passed on to BIRD", passed_on)
        if ROWS[0].router.asks:
            each(case, "they ask for our routes again", lambda r: they_refresh(cw, r))
        each(case, "we ask for theirs", lambda r: we_refresh(cw, r))
        for row in ROWS:
            row.router.withdraw(row.theirs.prefix)
        each(case, "theirs withdrawn", lambda r: wait_for("it to go", lambda: our_row(cw, r) is None, PATIENCE))
        for row in FEEDS:
            row.router.withdraw(row.source.prefix)
        each(case, "the passed on withdrawn", lambda r: wait_for("it to go", lambda: r.router.seen(r.source.prefix) is None,
                                                                 PATIENCE))
        each(case, "they shut it down, and say why", lambda r: they_go(cw, r))
        for row in ROWS:
            row.router.up()
        each(case, "and up again", lambda r: they_come(cw, r))
        each(case, "we shut it down, and say why", lambda r: we_go(cw, r))
        for row in ROWS:
            cw.cli("bgp", "up", row.name, "--no-wait")
            row.router.wake()
        each(case, "and up again", lambda r: wait_for("Established", lambda: established(cw, r) and has_ours(r), PATIENCE))
        each(case, "they are killed", lambda r: restarts(cw, r))
        each(case, "they are back", lambda r: wait_for("Established", lambda: established(cw, r) and has_ours(r), PATIENCE))
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case(f"bgp_peers_{sys.argv[1]}", main)
