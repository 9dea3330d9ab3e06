#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several paths for a prefix from one peer (RFC 7911) with each speaker that sends them, over IPv4 and over IPv6, all at once: all of
them are here, the best is used, and when it goes, the next one is. Without add-path the same peer sends one."""
from dataclasses import dataclass

from lab import kernel
from lab.bird import BirdRouter
from lab.case import equal, run_case
from lab.causeway import Causeway
from lab.exabgp import ExabgpRouter
from lab.frr import FrrRouter
from lab.gobgp import GobgpRouter
from lab.hub import Other, hub
from lab.lab import wait_for
from lab.openbgpd import OpenbgpdRouter
from lab.router import Route, Session

OURS, FEED = 65001, 65010
PATIENCE = 90


@dataclass
class Row:
    """A peer of ours with two BIRDs behind it, whose paths are of different length."""
    kind: type
    six: bool
    paths: bool
    number: int = 0
    router: object = None
    feeds: tuple = ()

    @property
    def name(self):
        return f"{self.kind.__name__.replace('Router', '').lower()}-{'paths' if self.paths else 'best'}-{'v6' if self.six else 'v4'}"

    @property
    def asn(self):
        return 65100 + self.number

    @property
    def prefix(self):
        return f"2001:db8:70:{self.number}::/64" if self.six else f"10.70.{self.number}.0/24"

    def address(self, net, side):
        return f"2001:db8:{net}{self.number:02}::{side}" if self.six else f"10.{net}.{self.number}.{side}"


def rows():
    table = [Row(kind, six, True) for six in (False, True) for kind in (BirdRouter, FrrRouter, GobgpRouter, OpenbgpdRouter, ExabgpRouter)]
    table += [Row(BirdRouter, False, False)]
    for number, row in enumerate(table, 1):
        row.number = number
    return table


def join(lab, row, net, a, a_dev, b, b_dev):
    lab.link(a, a_dev, None, b, b_dev, None)
    for where, dev, side in ((a, a_dev, 1), (b, b_dev, 2)):
        where.ip("addr", "add", f"{row.address(net, side)}/{64 if row.six else 24}", "dev", dev, *(["nodad"] if row.six else []))


def place(lab, onprem, row):
    ns = lab.namespace(f"n{row.number}")
    join(lab, row, 1, onprem, f"r{row.number}", ns, "up0")
    session = Session(row.asn, f"10.1.{row.number}.2", row.address(1, 2), row.address(1, 1), OURS, True)
    if row.kind is ExabgpRouter:
        row.router = ExabgpRouter(ns, row.name, session, capability="add-path send;")
        return
    feeds, others = [], []
    for net in (2, 3):
        far = lab.namespace(f"f{net}x{row.number}")
        join(lab, row, net, ns, f"down{net}", far, "up0")
        others.append(Other(row.address(net, 2), row.address(net, 1), FEED))
        longer = f"bgp_path.prepend({FEED});" if net == 3 else ""
        feeds.append(BirdRouter(far, f"{row.name}-{net}", Session(FEED, f"10.{net}.{row.number}.2", row.address(net, 2),
                                                                 row.address(net, 1), row.asn, False), sets=longer))
    row.feeds = tuple(feeds)
    row.router = hub(row.kind, ns, row.name, session, others, paths=row.paths)


def configuration(table):
    peers = [{"name": r.name, "local-address": r.address(1, 1), "peer-address": r.address(1, 2), "peer-as": r.asn, "mode": "active",
              "add-path": "receive"} for r in table]
    return {"causeway:connector": {"as": OURS, "router-id": "10.0.0.10", "announce": ["10.0.0.0/16", "2001:db8:a::/48"], "peer": peers}}


def announce(row):
    """ExaBGP tells both by itself."""
    for feed in row.feeds:
        feed.announce(Route(row.prefix))
    if row.kind is ExabgpRouter:
        for number in (1, 2):
            row.router.announce(Route(row.prefix), f"path-information {number} as-path [ {' '.join([str(row.asn)] + [str(FEED)] * number)} ]")


def withdraw_best(row):
    if row.feeds:
        row.feeds[0].withdraw(row.prefix)
    else:
        row.router.withdraw(row.prefix, "path-information 1")


def held(cw, row):
    """What we have of it: the AS paths, whether each is in use, and how many identifiers they have."""
    routes = [r for r in cw.json("bgp", "routes", row.prefix, "--peer", row.name)["route"] if r["prefix"] == row.prefix]
    return sorted((len(r["as-path"]), r["as-path"], r["best"]) for r in routes), len({r.get("path-id") for r in routes})


def shows(cw, row, *paths):
    """These, in order of length; the first is the best."""
    want = [(n + 1, [row.asn] + [FEED] * n, first) for first, n in zip((True, False), paths)], len(paths)
    try:
        wait_for("the paths", lambda: held(cw, row) == want, PATIENCE)
    finally:
        equal(held(cw, row), want, row.name)


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
            for feed in row.feeds:
                feed.start()
        for row in table:
            with case.row(f"{row.name}: Established", lab):
                wait_for("it", lambda r=row: cw.peer(r.name).get("state") == "Established" and r.router.established(), PATIENCE)
                wait_for("what is behind it", lambda r=row: all(f.established() for f in r.feeds), PATIENCE)
                equal(cw.json("bgp", "peer", row.name)["peer"][0]["capabilities"]["add-path-receive"], row.paths, "agreed")
                announce(row)
        for row in table:
            with case.row(f"{row.name}: {'both paths' if row.paths else 'one path'}", lab):
                shows(cw, row, *((1, 2) if row.paths else (1,)))
                wait_for("the kernel", lambda r=row: any(k["dst"] == r.prefix for k in
                                                         kernel.routes(onprem, family="-6" if r.six else "-4")), PATIENCE)
        for row in table:
            withdraw_best(row)
        for row in table:
            with case.row(f"{row.name}: without the best", lab):
                shows(cw, row, 2)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case("bgp_add_path", main)
