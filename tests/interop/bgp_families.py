#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other family than the session's: IPv4 over IPv6 and IPv6 over IPv4, with BIRD and with FRR, all at once. Our networks arrive
there with the next hop that is configured, theirs are in the kernel by their own."""
import re
from dataclasses import dataclass

from lab import kernel
from lab.bird import BirdRouter
from lab.case import equal, run_case
from lab.causeway import Causeway
from lab.frr import FrrRouter
from lab.lab import wait_for
from lab.router import Session

OURS, THEIRS = 65001, 65100
PATIENCE = 60
OWN = {False: "10.0.0.0/16", True: "2001:db8:a::/48"}


@dataclass
class Row:
    kind: type
    six: bool  # the session; what it is about is the other one
    number: int
    router: object = None

    @property
    def name(self):
        kind = self.kind.__name__.replace("Router", "").lower()
        return f"{kind}-{'ipv4-over-ipv6' if self.six else 'ipv6-over-ipv4'}"

    def address(self, side, six):
        return f"2001:db8:{self.number}::{side}" if six else f"10.1.{self.number}.{side}"

    @property
    def prefix(self):
        return f"10.70.{self.number}.0/24" if self.six else f"2001:db8:70:{self.number}::/64"

    @property
    def other(self):
        return "ipv4" if self.six else "ipv6"


class Bird(BirdRouter):
    """One that speaks both families."""
    def __init__(self, ns, row, session):
        far = row.address(2, not row.six)
        super().__init__(ns, row.name, session, more=f"protocol static both {{ {row.other}; route {row.prefix} blackhole; }}\n",
                         options=f"{row.other} {{ import all; export where proto = \"both\"; next hop address {far}; }};")


class Frr(FrrRouter):
    """Likewise."""
    def __init__(self, ns, row, session):
        super().__init__(ns, row.name, session)
        self.texts["bgpd"] += (f" address-family {row.other} unicast\n  neighbor {session.peer} activate\n"
                               f"  network {row.prefix}\n exit-address-family\n")


def next_hop_there(row):
    """By which it reaches our network of the other family; None: it has it not."""
    prefix = OWN[not row.six]
    if row.kind is BirdRouter:
        found = re.search(r"BGP\.next_hop: (\S+)", row.router.birdc("show", "route", prefix, "all", check=False).stdout)
        return found and found[1]
    for path in row.router.daemons.json(f"show bgp {row.other} unicast {prefix}").get("paths", []):
        for hop in path.get("nexthops", []):
            return hop["ip"]
    return None


def place(lab, onprem, row):
    ns = lab.namespace(row.name)
    lab.link(onprem, f"r{row.number}", None, ns, "up0", None)
    for where, dev, side in ((onprem, f"r{row.number}", 1), (ns, "up0", 2)):
        where.ip("addr", "add", f"{row.address(side, False)}/24", "dev", dev)
        where.ip("addr", "add", f"{row.address(side, True)}/64", "dev", dev, "nodad")
    session = Session(THEIRS, f"10.1.{row.number}.2", row.address(2, row.six), row.address(1, row.six), OURS, True)
    row.router = {BirdRouter: Bird, FrrRouter: Frr}[row.kind](ns, row, session)


def configuration(table, with_hops):
    peers = [{"name": r.name, "local-address": r.address(1, r.six), "peer-address": r.address(2, r.six), "peer-as": THEIRS,
              "mode": "active", **({f"next-hop-{r.other}": r.address(1, not r.six)} if with_hops else {})} for r in table]
    return {"causeway:connector": {"as": OURS, "router-id": "10.0.0.10", "announce": list(OWN.values()), "peer": peers}}


def in_kernel(onprem, row):
    found = [r for r in kernel.routes(onprem, family="-4" if row.six else "-6") if r["dst"] == row.prefix]
    return [kernel.devices(onprem, r) for r in found]


def main(case):
    kinds = [(kind, six) for kind in (BirdRouter, FrrRouter) for six in (False, True)]
    table = [Row(kind, six, number) for number, (kind, six) in enumerate(kinds, 1)]
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        for row in table:
            place(lab, onprem, row)
        before = kernel.snapshot(onprem)
        for row in table:
            row.router.start()
        cw = Causeway(onprem, config=configuration(table, False)).start()
        for row in table:
            with case.row(f"{row.name}: without a next hop nothing of it is announced", lab):
                wait_for("Established", lambda r=row: cw.peer(r.name).get("state") == "Established", PATIENCE)
                advertised = [r["prefix"] for r in cw.json("bgp", "routes", "--advertised", "--peer", row.name)["route"]]
                equal(OWN[not row.six] in advertised, False, "announced")
        cw.configure(configuration(table, True))
        cw.reload()
        for row in table:
            with case.row(f"{row.name}: ours there, theirs in the kernel", lab):
                wait_for("ours", lambda r=row: next_hop_there(r) == r.address(1, not r.six), PATIENCE)
                wait_for("theirs", lambda r=row: in_kernel(onprem, r) == [[f"r{r.number}"]], PATIENCE)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case("bgp_families", main)
