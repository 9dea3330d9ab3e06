#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What protects a BGP session and keeps its routes, with BIRD and with FRR, over IPv4 and over IPv6, all at once:

    bgp_sessions.py bird|frr

TCP MD5 signatures: without, with a wrong and with the right password, changed by reloads. GTSM. Enhanced route refresh, extended
messages where the other has them. Graceful restart: the other's BGP is killed and comes back, and its route never leaves our
kernel; once more, and it comes back without the route, or stays away."""
import sys
from dataclasses import dataclass

from lab import kernel
from lab.bird import BirdRouter
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.frr import FrrRouter
from lab.lab import LabError, wait_for
from lab.router import Route, Router, Session

OURS, THEIRS = 65001, 65100
PATIENCE = 60
RESTART_TIME = 40
PASSWORD = "a-password-of-theirs"  # FRR takes none with blanks


class Bird(BirdRouter):
    """BIRD that says that it can restart, and does (-R)."""
    extended = True

    def __init__(self, ns, name, session):
        super().__init__(ns, name, session, f"""password "{PASSWORD}";
  ttl security on;
  enable extended messages on;
  graceful restart on;
  graceful restart time {RESTART_TIME};""")

    def start(self, again=False):
        self._configure()
        self.process = self.ns.spawn(self.name, "bird", "-f", *(["-R"] if again else []), "-c", self.conf, "-s", self.socket)
        wait_for("BIRD's control socket", lambda: self.birdc("show", "status", check=False).returncode == 0, 10,
                 alive=[self.process])
        return self

    def forget(self, prefix):
        """For the next start."""
        del self.routes[prefix]


class Frr(FrrRouter):
    """FRR that says that it can restart and keeps what it forwards. What it announces is in its file, for it to be there again."""
    extended = True  # always

    def __init__(self, ns, name, session):
        super().__init__(ns, name, session, [f"password {PASSWORD}", "ttl-security hops 1"])
        head = f"router bgp {session.asn}\n"
        self.texts["bgpd"] = self.texts["bgpd"].replace(head, head + f""" bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time {RESTART_TIME}
""")

    def _network(self, prefix):
        return f"  network {prefix}\n"

    def announce(self, route):
        super().announce(route)
        at = f"  neighbor {self.s.peer} activate\n"
        self.texts["bgpd"] = self.texts["bgpd"].replace(at, at + self._network(route.prefix))

    def start(self, again=False):
        del again
        return super().start()

    def forget(self, prefix):
        self.texts["bgpd"] = self.texts["bgpd"].replace(self._network(prefix), "")


@dataclass
class Row:
    name: str
    six: bool
    number: int
    router: Router = None
    count: int = 0

    def address(self, side):
        return f"2001:db8:{self.number}::{side}" if self.six else f"10.1.{self.number}.{side}"

    @property
    def routes(self):
        return [Route(f"2001:db8:70:{n}::/64" if self.six else f"10.70.{n}.0/24") for n in (1, 2)]


ROWS = [Row("v4", False, 1), Row("v6", True, 2)]
KIND = {"bird": Bird, "frr": Frr}


def configuration(password=None, mode="both"):
    peers = [{"name": r.name, "local-address": r.address(1), "peer-address": r.address(2), "peer-as": THEIRS,
              "ttl-security": 1, "extended-messages": True, "mode": mode} for r in ROWS]
    for p in peers:
        if password:
            p["password-file"] = password
    return {"causeway:connector": {"as": OURS, "router-id": "10.0.0.10", "announce": ["10.0.0.0/16", "2001:db8:a::/48"],
                                   "peer": peers}}


def place(lab, onprem, row):
    ns = lab.namespace(row.name)
    lab.link(onprem, f"r{row.number}", None, ns, "up0", None)
    for where, dev, side in ((onprem, f"r{row.number}", 1), (ns, "up0", 2)):
        where.ip("addr", "add", f"{row.address(side)}/64" if row.six else f"{row.address(side)}/24", "dev", dev,
                 *(["nodad"] if row.six else []))
    row.router = KIND[sys.argv[1]](ns, row.name, Session(THEIRS, f"10.1.{row.number}.2", row.address(2), row.address(1), OURS,
                                                        False, hold=30))


def detail(cw, row):
    return cw.json("bgp", "peer", row.name)["peer"][0]


def established(cw, row):
    return detail(cw, row)["state"] == "Established" and row.router.established()


def in_kernel(onprem, row):
    have = {r["dst"] for r in kernel.routes(onprem, family="-6" if row.six else "-4")}
    return [r.prefix in have for r in row.routes]


def each(case, what, act):
    with case.step(what):
        for row in ROWS:
            try:
                act(row)
            except Exception as e:
                raise LabError(f"{row.name}: {e}") from e


def no_answer(cw, row):
    """Said in words; and no session the while."""
    wait_for("the reason", lambda: (detail(cw, row)["error"] or {}).get("id") == "bgp-connect-unanswered", PATIENCE)
    equal(detail(cw, row)["established-count"], 0, "sessions")


def agreed(cw, row):
    d = detail(cw, row)
    equal(d["transport"], {"password": True, "ttl-security": 1, "multihop": 0}, "transport")
    check(d["capabilities"]["enhanced-route-refresh"], f"enhanced refresh: {d['capabilities']}")
    equal(d["capabilities"]["extended-messages"], row.router.extended, "extended messages")
    peer = d["graceful-restart"]["peer"]
    equal((peer["restart-time"], peer["family"]), (RESTART_TIME, ["ipv6-unicast" if row.six else "ipv4-unicast"]),
          "its graceful restart")
    row.count = d["established-count"]


def refreshed(cw, onprem, row):
    before = detail(cw, row)["messages"]["in"]["route-refresh"]
    cw.cli("bgp", "refresh", row.name)
    wait_for("BoRR and EoRR", lambda: detail(cw, row)["messages"]["in"]["route-refresh"] >= before + 2, PATIENCE)
    equal(stale(detail(cw, row)), 0, "stale routes")
    equal(in_kernel(onprem, row), [True, True], "routes in the kernel")


def stale(d):
    return d["graceful-restart"]["stale-ipv4"] + d["graceful-restart"]["stale-ipv6"]


def falls(cw, onprem, row):
    row.router.kill()
    wait_for("the session's end", lambda: detail(cw, row)["state"] != "Established", PATIENCE)
    d = detail(cw, row)
    check(d["graceful-restart"]["waiting"] and d["graceful-restart"]["stale-left"] <= RESTART_TIME, f"{d['graceful-restart']}")
    check(stale(d) >= 2, f"stale routes: {stale(d)}")  # FRR tells us our own too, which are refused
    equal(in_kernel(onprem, row), [True, True], "routes in the kernel")


def comes_back(cw, onprem, row, has):
    row.router.start(again=True)
    wait_for("a new session", lambda: detail(cw, row)["established-count"] > row.count and established(cw, row), PATIENCE)
    wait_for("its End-of-RIB", lambda: stale(detail(cw, row)) == 0, PATIENCE)
    check(detail(cw, row)["graceful-restart"]["peer"]["restarted"], "it did not say that it restarted")
    wait_for(f"the routes to be {has}", lambda: in_kernel(onprem, row) == has, PATIENCE)
    row.count = detail(cw, row)["established-count"]


def watched(monitor):
    """What `ip monitor` has seen go, of the routes that are to stay."""
    return [line for line in monitor.output().splitlines()
            if line.startswith("Deleted") and any(r.prefix in line for row in ROWS for r in row.routes)]


def main(case):
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        for row in ROWS:
            place(lab, onprem, row)
        before = kernel.snapshot(onprem)
        cw = Causeway(onprem, config=configuration())
        key = f"{cw.dir}/bgp.key"
        lab.write(f"{cw.name}/bgp.key", "another password\n", 0o600)
        cw.start()
        for row in ROWS:
            row.router.start()
        each(case, "they want a password, and we have none", lambda r: no_answer(cw, r))
        with case.step("a wrong one, by a reload"):
            cw.configure(configuration(key))
            cw.reload()
            wait_for("it to count", lambda: all(detail(cw, r)["transport"]["password"] for r in ROWS), PATIENCE)
        each(case, "no session by it", lambda r: no_answer(cw, r))
        with case.step("the right one, by another"):
            lab.write(f"{cw.name}/bgp.key", f"{PASSWORD}\n", 0o600)
            cw.configure(configuration(key, "passive"))
            cw.reload()
            for row in ROWS:  # which now connect at once, and not when their next attempt is due
                row.router.kill()
                row.router.start()
        each(case, "sessions", lambda r: wait_for("Established", lambda: established(cw, r), PATIENCE))
        each(case, "what was agreed", lambda r: agreed(cw, r))
        with case.step("their listener goes, by a reload"):
            cw.configure(configuration(key, "active"))
            cw.reload()
        for row in ROWS:
            for route in row.routes:
                row.router.announce(route)
        each(case, "their routes in the kernel", lambda r: wait_for("them", lambda: in_kernel(onprem, r) == [True, True], PATIENCE))
        each(case, "in the sessions that it accepted, which kept their password",
             lambda r: equal(detail(cw, r)["established-count"], r.count, "sessions"))
        cw.configure(configuration(key))
        cw.reload()
        each(case, "we ask for them again: from BoRR to EoRR", lambda r: refreshed(cw, onprem, r))
        monitor = onprem.spawn("monitor", "ip", "monitor", "route")
        each(case, "they are killed: their routes stay", lambda r: falls(cw, onprem, r))
        each(case, "they are back, with all of them", lambda r: comes_back(cw, onprem, r, [True, True]))
        with case.step("no route left the kernel meanwhile"):
            equal(watched(monitor), [], "routes deleted")
            monitor.stop()
        each(case, "they are killed again", lambda r: falls(cw, onprem, r))
        for row in ROWS:
            row.router.forget(row.routes[1].prefix)
        each(case, "they are back without one: it goes at End-of-RIB", lambda r: comes_back(cw, onprem, r, [True, False]))
        with case.step("killed for good: what is left goes when the restart time is over, and not before"):
            for row in ROWS:
                row.router.kill()
            for row in ROWS:
                wait_for("the session's end", lambda r=row: detail(cw, r)["state"] != "Established", PATIENCE)
                equal(in_kernel(onprem, row), [True, False], "routes in the kernel")
            for row in ROWS:
                wait_for("it to go", lambda r=row: in_kernel(onprem, r) == [False, False], RESTART_TIME + 30)
        with case.step("the password is in no log"):
            text = cw.process.output()
            check(PASSWORD not in text and "another password" not in text, "it is in the log")
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")


run_case(f"bgp_sessions_{sys.argv[1]}", main)
