#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""We restart (SIGUSR2): BIRD and FRR as LAN routers keep our routes and we keep theirs, in the kernel, all the while; R and F in
our OPEN; a route that was withdrawn meanwhile goes at the end; both sides at once; and records that are not to be believed.
Tunnels over a restart are kernel_restart.py's.
"""
import os
import signal
import stat
import sys

from lab import kernel, traffic
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.frr import Frr
from lab.lab import wait_for

CORE, EDGE = ["172.20.0.0/16", "172.22.0.0/16"], ["172.21.0.0/16"]
PATIENCE = 60


def configuration(mode="full"):
    return {"causeway:connector": {
        "as": 65001, "router-id": "10.1.1.1", "announce": ["10.0.0.0/16"],
        "peer": [{"name": name, "local-address": f"10.1.{n}.1", "peer-address": f"10.1.{n}.2", "peer-as": 65100 + n, "transit": True,
                  "graceful-restart": {"mode": mode, "restart-time": 100}} for n, name in ((1, "core"), (2, "edge"))]}}


def place(lab, onprem, short, number, prefix):
    ns = lab.namespace(short)
    lab.link(onprem, f"r{number}", f"10.1.{number}.1/24", ns, "up0", f"10.1.{number}.2/24")
    ns.forward()
    ns.ip("addr", "add", prefix.replace(".0.0/16", ".0.1/32"), "dev", "lo")
    return ns


def in_kernel(ns):
    return {r["dst"] for r in kernel.routes(ns)}


def gone(monitor):
    return sorted({text.split()[0] for _, deleted, text in monitor.changes() if deleted})


def said(bird):
    """What BIRD heard of our graceful restart, in words."""
    text = bird.birdc("show", "protocols", "all", "peer").stdout
    return text.split("Neighbor capabilities", 1)[1].split("Session:", 1)[0]


def established(cw):
    return all(cw.peer(name).get("state") == "Established" for name in ("core", "edge"))


def leave(cw):
    cw.process.signal(signal.SIGUSR2)
    equal(cw.process.wait(20), 0, "exit status")
    cw.check_reports()
    return f"{cw.dir}/state/restart"


def settled(cw):
    wait_for("the end of the restart", lambda: "the restart is over" in cw.process.output(), PATIENCE, alive=[cw.process])


HOLD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM)
s.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "tcp":
    s.listen()
print("held", flush=True)
sys.stdin.read() or __import__("signal").pause()
"""


def starts_fail(case, onprem, cw, record):
    """Whatever keeps a start from succeeding, it uses nothing up: the record and the routes are there for the next."""
    for what, argv in (("port 500 is taken", ("udp", "0.0.0.0", "500")), ("the configuration can't be applied", ("tcp", "10.1.1.1", "179")),
                       ("the management socket can't be made", None)):
        with case.step(f"a start that fails, for {what}, leaves record and routes as they are"):
            holder = onprem.spawn(f"hold-{argv[0]}", sys.executable, "-c", HOLD, *argv) if argv else None
            if holder:
                wait_for("the port to be taken", lambda h=holder: "held" in h.output(), 30, alive=[holder])
            end = cw.run_to_end(*(() if argv else ("--socket", f"{cw.dir}/state")))
            equal(end.returncode, 1, f"exit status: {end.stderr}")
            check(os.path.exists(record), f"the record is gone: {end.stderr}")
            equal(in_kernel(onprem), set(CORE + EDGE), "routes in the kernel")
            if holder:
                holder.kill()


def gentle(case, onprem, core, edge, cw):
    with case.step("SIGUSR2: it ends at once, without a Cease; a record that is ours alone; all routes stay"):
        monitors = [kernel.RouteMonitor(ns) for ns in (onprem, core.ns)]
        counter = traffic.Counter(core.ns, "172.21.0.1", edge.ns, interval=0.02)
        record = leave(cw)
        equal(stat.S_IMODE(os.stat(record).st_mode), 0o600, "mode of the record")
        equal(in_kernel(onprem), set(CORE + EDGE), "routes in the kernel")
        equal((core.as_path("10.0.0.0/16"), edge.as_path("10.0.0.0/16")), ([65001], [65001]), "our network there")
    starts_fail(case, onprem, cw, record)
    core.announce(CORE[:1])
    with case.step("the next start: R and F, as BIRD heard it"):
        cw.start()
        wait_for("both sessions", lambda: established(cw), PATIENCE)
        text = said(core)
        check("Restart recovery" in text and "AF preserved: ipv4" in text, text)
        equal(cw.json("bgp", "peer", "core")["peer"][0]["graceful-restart"]["ours"],
              {"restarted": True, "restart-time": 100, "family": ["ipv4-unicast"], "forwarding": ["ipv4-unicast"]}, "ours")
        check(not os.path.exists(record), "the record is still there")
    with case.step("only what is not told again goes, and that at the end; no packet is lost"):
        settled(cw)
        wait_for("the withdrawn route to go", lambda: in_kernel(onprem) == {CORE[0], *EDGE}, PATIENCE)
        seen = counter.stop()
        equal([gone(m) for m in monitors], [[CORE[1]], []], "routes that went: ours, the core's")
        equal(seen["lost-count"], 0, f"packets lost: {seen}")
        case.note(f"{seen['sent']} packets, none lost")
        for m in monitors:
            m.process.stop()


def both(case, onprem, core, edge, cw):
    with case.step("both sides restart: BIRD with recovery, and we; no route leaves our kernel"):
        monitor = kernel.RouteMonitor(onprem)
        leave(cw)
        core.kill()
        core.start("-R")
        cw.start()
        wait_for("both sessions", lambda: established(cw), PATIENCE)
        settled(cw)
        equal(in_kernel(onprem), {CORE[0], *EDGE}, "routes in the kernel")
        equal(gone(monitor), [], "routes that went")
        monitor.process.stop()
        wait_for("our network there", lambda: core.as_path("10.0.0.0/16") == [65001], PATIENCE)


def not_believed(case, onprem, cw):
    good = open(f"{cw.dir}/kept-record", encoding="utf-8").read()
    for what, text, mode, reason in (("a broken one", good.replace("end\n", ""), 0o600, "restart-record-refused"),
                                     ("of another boot", good.replace("boot ", "boot 0"), 0o600, "restart-record-refused"),
                                     ("that others may read", good, 0o644, "restart-record-refused"),
                                     ("of long ago", good, 0o600, "restart-record-late")):
        with case.step(f"a record {what}: {reason}, and a start like any other"):
            if reason == "restart-record-late":
                text = "".join("until {}\n".format(line.split()[1]) if line.startswith("left") else "" if line.startswith("until")
                               else line for line in text.splitlines(True)).replace("until", "left {}\nuntil".format(
                                   next(x.split()[1] for x in text.splitlines() if x.startswith("left"))))
            cw.lab.write(f"{cw.name}/state/restart", text, mode)
            cw.start()
            check(reason in cw.process.output(), cw.process.output())
            wait_for("both sessions", lambda: established(cw), PATIENCE)
            equal(cw.json("bgp", "peer", "core")["peer"][0]["graceful-restart"]["ours"]["restarted"], False, "R")
            cw.stop()
            equal(in_kernel(onprem), set(), "routes in the kernel")


def main(case):
    with case.lab() as lab:
        onprem = lab.namespace("onprem")
        onprem.forward()
        core = Bird(place(lab, onprem, "core", 1, CORE[0]), "bird", router_id="10.1.1.2", asn=65101, local="10.1.1.2",
                    peers=[("10.1.1.1", 65001)], announce=CORE, multihop=False)
        edge = Frr(place(lab, onprem, "edge", 2, EDGE[0]), "frr", router_id="10.1.2.2", asn=65102, local="10.1.2.2",
                   peers=[("10.1.2.1", 65001)], announce=EDGE, source_dev=None)
        core.ns.ip("route", "add", EDGE[0], "via", "10.1.1.1")
        edge.ns.ip("route", "add", "10.1.1.0/24", "via", "10.1.2.1")
        core.start()
        edge.start()
        before = kernel.snapshot(onprem)
        cw = Causeway(onprem, config=configuration()).start()
        with case.step("sessions, routes, a cold start: neither R nor F"):
            wait_for("both sessions", lambda: established(cw), PATIENCE)
            wait_for("routes", lambda: in_kernel(onprem) == set(CORE + EDGE), PATIENCE)
            wait_for("our network there", lambda: core.as_path("10.0.0.0/16") and edge.as_path("10.0.0.0/16"), PATIENCE)
            check("Restart recovery" not in said(core) and "AF preserved: ipv4" not in said(core), said(core))
        gentle(case, onprem, core, edge, cw)
        both(case, onprem, core, edge, cw)
        with case.step("leaving, and a clean stop in the middle of coming back: nothing is left"):
            record = leave(cw)
            with open(record, encoding="utf-8") as f:
                cw.lab.write(f"{cw.name}/kept-record", f.read(), 0o600)
            core.kill()
            cw.start()
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(onprem)), [], "the kernel")
        core.start()
        not_believed(case, onprem, cw)


run_case("bgp_restart", main)
