#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BGP roles (RFC 9234) with each speaker that has them, every pair of the RFC's table and some that are none, all at once: what goes
together is agreed and marked with OTC both ways, what doesn't is refused with Role Mismatch, and leaks go neither in nor out."""
from dataclasses import dataclass

from lab import kernel
from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.exabgp import ExabgpRouter
from lab.frr import FrrRouter
from lab.lab import wait_for
from lab.openbgpd import OpenbgpdRouter
from lab.router import Route, Session

OURS, UPSTREAM = 65001, 65500
PATIENCE = 90
OURS4 = "10.0.0.0/16"
PAIRS = (("provider", "customer"), ("customer", "provider"), ("peer", "peer"), ("rs", "rs-client"), ("rs-client", "rs"))
WRONG = (("provider", "provider"), ("customer", "peer"), ("peer", "rs-client"))
WORDS = {BirdRouter: {"rs": "rs_server", "rs-client": "rs_client"}, FrrRouter: {"rs": "rs-server"}, OpenbgpdRouter: {}}
MARK_OUT = ("provider", "peer", "rs")           # those mark what they send (section 5, egress)
LEAVES_TO = ("provider", "rs", None)            # those send on what is marked already


def theirs(kind, role, strict=False):
    """What makes it say so."""
    if role is None:
        return {}
    word = WORDS[kind].get(role, role)
    if kind is BirdRouter:
        return {"options": f"local role {word}; {'require roles yes;' if strict else ''}"}
    if kind is FrrRouter:
        return {"options": [f"local-role {word}{' strict-mode' if strict else ''}"]}
    return {"options": f" announce policy {word}{' enforce' if strict else ''}"}


@dataclass
class Row:
    kind: type
    ours: str
    theirs: str
    number: int = 0
    good: bool = True
    strict: bool = False
    their_strict: bool = False
    router: object = None

    @property
    def name(self):
        strict = "-strict" if self.strict else "-they-strict" if self.their_strict else ""
        return f"{self.kind.__name__.replace('Router', '').lower()}-{self.ours or 'none'}-{self.theirs or 'none'}{strict}"

    @property
    def asn(self):
        return 65100 + self.number

    @property
    def route(self):
        return Route(f"10.70.{self.number}.0/24")

    def address(self, side):
        return f"10.1.{self.number}.{side}"


def rows():
    table = []
    for kind in (BirdRouter, FrrRouter, OpenbgpdRouter):
        table += [Row(kind, ours, theirs_) for ours, theirs_ in PAIRS]
        table += [Row(kind, ours, theirs_, good=False) for ours, theirs_ in WRONG]
        table += [Row(kind, "customer", None), Row(kind, None, "customer"),
                  Row(kind, "customer", None, good=False, strict=True),
                  Row(kind, None, "provider", good=False, their_strict=True)]
    table.append(Row(ExabgpRouter, "provider", None))  # leaks, and the route that must not leak to others
    table.append(Row(ExabgpRouter, "customer", None))
    for number, row in enumerate(table, 1):
        row.number = number
    return table


def place(lab, onprem, row):
    ns = lab.namespace(f"n{row.number}")
    lab.link(onprem, f"r{row.number}", f"{row.address(1)}/24", ns, "up0", f"{row.address(2)}/24")
    session = Session(row.asn, row.address(2), row.address(2), row.address(1), OURS, True)
    row.router = row.kind(ns, row.name, session, **({} if row.kind is ExabgpRouter else theirs(row.kind, row.theirs, row.their_strict)))


def configuration(table):
    peers = []
    for r in table:
        peers.append({"name": r.name, "local-address": r.address(1), "peer-address": r.address(2), "peer-as": r.asn, "mode": "active",
                      "transit": True})
        if r.ours:
            peers[-1]["role"] = r.ours
        if r.strict:
            peers[-1]["role-strict"] = True
    return {"causeway:connector": {"as": OURS, "router-id": "10.0.0.10", "announce": [OURS4], "peer": peers}}


def detail(cw, row):
    return cw.json("bgp", "peer", row.name)["peer"][0]


def agreed(cw, row):
    wait_for("Established", lambda: detail(cw, row)["state"] == "Established" and row.router.established(), PATIENCE)
    equal(detail(cw, row)["role"], {"local": row.ours, "peer": row.theirs}, "roles")


def refused(cw, row):
    """By the one or by the other, with the RFC's NOTIFICATION."""
    def said(line):
        return f"{row.name}: " in line and ("Role Mismatch" in line or "RFC 9234" in line or "role-strict" in line)
    wait_for("the reason in the log", lambda: any(said(line) for line in cw.process.output().splitlines()), PATIENCE)
    equal(detail(cw, row)["established-count"], 0, "sessions")


def marked(cw, row):
    """What we announce is marked there, or is not; and what it announces is good here, with the marks that it makes."""
    # By us, or by them: OpenBGPD goes by roles where both sides say one, as the others don't.
    they_mark = row.theirs in ("customer", "peer", "rs-client") and (row.ours or row.kind is not OpenbgpdRouter)
    want = OURS if row.ours in MARK_OUT or they_mark else None
    wait_for("our network there", lambda: row.router.marks(OURS4), PATIENCE)
    equal(row.router.marks(OURS4).otc, want, "OTC of ours there")
    wait_for("its network here", lambda: any(r["prefix"] == row.route.prefix and r["best"] for r in
                                             cw.json("bgp", "routes", "--peer", row.name)["route"]), PATIENCE)


def passed_on(table, cw, row):
    """What came with or got an OTC goes to customers, clients and those without a role alone."""
    provider = next(r for r in table if r.kind is ExabgpRouter and r.ours == "customer")
    leak = provider.route.prefix
    if row.ours in LEAVES_TO:
        wait_for("the marked route there", lambda: row.router.seen(leak), PATIENCE)
        check(row.router.marks(leak).otc == provider.asn, f"its mark: {row.router.marks(leak)}")
        return
    why = [r for r in cw.json("bgp", "routes", leak, "--why")["withheld"] if r["peer"] == row.name]
    check(row.router.seen(leak) is None, "it leaked")
    check(why and "9234" in why[0]["reason"], f"why it is withheld: {why}")


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
            if row.good:
                with case.row(f"{row.name}: agreed", lab):
                    agreed(cw, row)
        good = [r for r in table if r.good and r.kind is not ExabgpRouter]
        for row in good:
            row.router.announce(row.route)
        for row in good:
            with case.row(f"{row.name}: OTC", lab):
                marked(cw, row)
        for row in table:
            if not row.good:
                with case.row(f"{row.name}: refused", lab):
                    refused(cw, row)
        leaks = {r.ours: r for r in table if r.kind is ExabgpRouter}
        with case.row("a customer's route with OTC is a leak, and refused; one without it is used", lab):
            row = leaks.get("provider")
            row.router.announce(Route("10.71.1.0/24"), f"attribute [ 0x23 0xc0 {UPSTREAM:#010x} ]")
            row.router.announce(Route("10.71.2.0/24"))
            wait_for("the good one", lambda: any(r["prefix"] == "10.71.2.0/24" and r["best"] for r in
                                                 cw.json("bgp", "routes", "--peer", row.name)["route"]), PATIENCE)
            bad = [r for r in cw.json("bgp", "routes", "10.71.1.0/24", "--rejected")["route"]]
            check(bad and "OTC" in bad[0]["reason"], f"{bad}")
        row = leaks.get("customer")
        row.router.announce(row.route)
        for row in good:
            with case.row(f"{row.name}: the provider's route", lab):
                passed_on(table, cw, row)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case("bgp_roles", main)
