#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Route reflection (RFC 4456) with each speaker that has it, over IPv4 and over IPv6, all at once: as the reflector between it and a
BIRD, as its client with a BIRD behind it, and as a reflector that is told of its own routes again."""
from dataclasses import dataclass

from lab import kernel
from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.exabgp import ExabgpRouter
from lab.frr import FrrRouter
from lab.gobgp import GobgpRouter
from lab.hub import Other, hub
from lab.lab import wait_for
from lab.openbgpd import OpenbgpdRouter
from lab.router import Marks, Route, Seen, Session

OURS = 65001
US, CLUSTER = "10.0.0.10", "10.0.0.99"
PATIENCE = 90
KINDS = (BirdRouter, FrrRouter, GobgpRouter, OpenbgpdRouter)


def address(net, side, six):
    return f"2001:db8:{net}::{side}" if six else f"10.1.{net}.{side}"


@dataclass
class Row:
    """A peer of ours, and with `behind` a BIRD on its other side."""
    kind: type
    six: bool
    number: int
    client: bool = False
    reflects: bool = False
    router: object = None
    behind: BirdRouter = None

    @property
    def name(self):
        what = "reflector" if self.reflects else "client" if self.client else "plain"
        return f"{self.kind.__name__.replace('Router', '').lower()}-{what}-{'v6' if self.six else 'v4'}"

    @property
    def router_id(self):
        return f"10.9.{self.number}.2"

    @property
    def route(self):
        return Route(f"2001:db8:70:{self.number}::/64" if self.six else f"10.70.{self.number}.0/24", communities=("65010:1",))

    @property
    def behind_id(self):
        return f"10.9.{self.number}.3"


def rows():
    table = []
    for six in (False, True):
        table.append(Row(BirdRouter, six, 0))  # the one whose routes are reflected to the clients, and to whom theirs are
        table += [Row(kind, six, 0, client=True) for kind in (*KINDS, ExabgpRouter)]
        table += [Row(kind, six, 0, reflects=True) for kind in KINDS]
    for number, row in enumerate(table, 1):
        row.number = number
    return table


def join(lab, a, a_dev, b, b_dev, net, six):
    lab.link(a, a_dev, None, b, b_dev, None)
    for where, dev, side in ((a, a_dev, 1), (b, b_dev, 2)):
        where.ip("addr", "add", f"{address(net, side, six)}/{64 if six else 24}", "dev", dev, *(["nodad"] if six else []))


def place(lab, onprem, row):
    ns = lab.namespace(f"n{row.number}")
    join(lab, onprem, f"r{row.number}", ns, "up0", row.number, row.six)
    session = Session(OURS, row.router_id, address(row.number, 2, row.six), address(row.number, 1, row.six), OURS, True)
    if not row.reflects:
        row.router = row.kind(ns, row.name, session, **({"hops": "multihop"} if row.kind is BirdRouter else {}))
        return
    far, net = lab.namespace(f"f{row.number}"), 100 + row.number
    join(lab, ns, "down0", far, "up0", net, row.six)
    row.router = hub(row.kind, ns, row.name, session, [Other(address(net, 2, row.six), address(net, 1, row.six), OURS)], reflects=True)
    row.behind = BirdRouter(far, f"{row.name}-behind", Session(OURS, row.behind_id, address(net, 2, row.six),
                                                               address(net, 1, row.six), OURS, False), hops="multihop")


def configuration(table):
    peers = [{"name": r.name, "local-address": address(r.number, 1, r.six), "peer-address": address(r.number, 2, r.six),
              "peer-as": OURS, "mode": "active", "route-reflector-client": r.client} for r in table]
    return {"causeway:connector": {"as": OURS, "router-id": US, "cluster-id": CLUSTER, "announce": ["10.0.0.0/16", "2001:db8:a::/48"],
                                   "peer": peers}}


def seen_as(router, prefix, communities, marks):
    """Its route: nothing but what a reflector adds, which are these marks."""
    want = (Seen((), frozenset(communities), frozenset()), marks)
    try:
        wait_for("it", lambda: (router.seen(prefix), router.marks(prefix)) == want, PATIENCE)
    finally:
        equal((router.seen(prefix), router.marks(prefix)), want, f"{prefix} at {router.name}")


def reflected(row, plain):
    """Between a client of ours and one that is none, both ways; BIRD shows both marks, and so do all that show any."""
    source = next(r for r in plain if r.six == row.six)
    if row.kind is ExabgpRouter:
        wait_for("it", lambda: row.router.seen(source.route.prefix), PATIENCE)
    else:
        seen_as(row.router, source.route.prefix, source.route.communities, Marks(source.router_id, (CLUSTER,)))
    seen_as(source.router, row.route.prefix, row.route.communities, Marks(row.router_id, (CLUSTER,)))


def behind_reflector(cw, row):
    """What it reflects to us is used; what we announce arrives behind it with our router id and its cluster."""
    wait_for("the route here", lambda: any(r["prefix"] == row.behind_route.prefix and r["best"] for r in
                                           cw.json("bgp", "routes", "--peer", row.name)["route"]), PATIENCE)
    seen_as(row.behind, "2001:db8:a::/48" if row.six else "10.0.0.0/16", (), Marks(US, (row.router_id,)))


def loops(cw, row):
    """What went through us already is refused, whatever of ours is in it; what went through others is not."""
    cases = (("originator-id", f"originator-id {US}", "ORIGINATOR_ID"), ("cluster-list", f"originator-id 10.9.9.9 cluster-list [ 10.9.9.8 {CLUSTER} ]",
             "CLUSTER_LIST"), ("others", "originator-id 10.9.9.9 cluster-list [ 10.9.9.8 ]", None))
    for number, (what, attributes, word) in enumerate(cases, 1):
        prefix = f"2001:db8:72:{number}::/64" if row.six else f"10.72.{number}.0/24"
        row.router.announce(Route(prefix), attributes)

        def there(which, p=prefix):
            return next((r for r in cw.json("bgp", "routes", "--peer", row.name, *which)["route"] if r["prefix"] == p), None)
        if word:
            wait_for(f"{what}: refused", lambda t=there: t(["--rejected"]), PATIENCE)
            check(word in there(["--rejected"])["reason"], f"{what}: {there(['--rejected'])}")
        else:
            wait_for(f"{what}: used", lambda t=there: (t([]) or {}).get("best"), PATIENCE)


def main(case):
    table = rows()
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        for row in table:
            place(lab, onprem, row)
        before = kernel.snapshot(onprem)
        for row in table:
            row.router.start()
        cw = Causeway(onprem, config=configuration(table)).start()
        for row in table:
            if row.behind:
                row.behind.start()
        for row in table:
            with case.row(f"{row.name}: Established", lab):
                wait_for("it", lambda r=row: cw.peer(r.name).get("state") == "Established" and r.router.established(), PATIENCE)
        for row in table:
            if row.behind:
                wait_for(f"{row.name}: the session behind", row.behind.established, PATIENCE)
                row.behind_route = Route(f"2001:db8:71:{row.number}::/64" if row.six else f"10.71.{row.number}.0/24")
                row.behind.announce(row.behind_route)
            else:
                row.router.announce(row.route)
        plain = [r for r in table if not r.client and not r.reflects]
        for row in table:
            if row.client:
                with case.row(f"{row.name}: reflected both ways", lab):
                    reflected(row, plain)
            if row.kind is ExabgpRouter:
                with case.row(f"{row.name}: loops", lab):
                    loops(cw, row)
            if row.reflects:
                with case.row(f"{row.name}: we are its client", lab):
                    behind_reflector(cw, row)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case("bgp_reflector", main)
