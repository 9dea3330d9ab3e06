# SPDX-License-Identifier: Apache-2.0
"""The daemons under test, each told the same: wait for the feeders and the sink, take all that the feeders say, put it into the
kernel, use equally good paths together, and tell the sink, and nobody else, the best."""
import re

from bench.bgp import late
from bench.bgp.picture import AS, FAR, FEEDER_AS, HOLD, ROUTER, SINK_AS, processes_below
from lab.causeway import Causeway
from lab.frr import FrrDaemons
from lab.gobgp import GobgpDaemon
from lab.lab import run, wait_for
from lab.openbgpd import OpenbgpdDaemon

PEERS = [("a", FEEDER_AS), ("b", FEEDER_AS), ("sink", SINK_AS)]


class Speaker:
    """What the measurements need of a daemon."""
    name = "?"
    fib = True        # it writes the kernel's FIB
    ecmp = True       # ... with several ways
    largest = 1 << 30  # prefixes that it is measured with
    late = False      # it is to have the peers of late.py
    compat = 1        # net.ipv4.nexthop_compat_mode
    sets_compat = False  # it is told by its configuration, and sets it itself
    asked = None      # the socket of its API, if bench_probe knows how to ask

    def __init__(self, picture):
        self.lab, self.ns = picture.lab, picture.router
        self.processes = []

    def start(self):
        raise NotImplementedError

    def pids(self):
        return [pid for p in self.processes for pid in processes_below(p.pid)]

    def processor(self):
        """Seconds, user and system, of all its processes."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / 100

    def peak(self):
        """KiB: the sum of the largest resident sizes."""
        return sum(self._status(pid, "VmHWM") for pid in self.pids())

    @staticmethod
    def _status(pid, key):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return int(re.search(rf"^{key}:\s+(\d+)", f.read(), re.M).group(1))

    def stop(self):
        for p in reversed(self.processes):
            p.kill()


class Ours(Speaker):
    """causewayd with LAN peers only."""
    name = "Causeway"
    sets_compat = True

    def start(self):
        peers = [{"name": who, "local-address": ROUTER[who], "peer-address": FAR[who], "peer-as": asn, "mode": "passive",
                  "hold-time": HOLD, "transit": who == "sink"} for who, asn in PEERS]
        connector = {"as": AS, "router-id": ROUTER["sink"], "peer": peers}
        if not self.compat:
            connector["nexthop-compat"] = "off"
        self.daemon = Causeway(self.ns, release=True)
        if self.late:
            connector = late.configured(connector, self.daemon.secret())
        self.daemon.configure({"causeway:connector": connector})
        self.daemon.start()
        self.processes = [self.daemon.process]
        self.asked = self.daemon.socket

    def configure(self, config):
        """Another configuration, in force when this returns."""
        lines = len(self.daemon.process.lines)
        self.daemon.configure(config)
        self.daemon.reload()
        wait_for("the configuration", lambda: any("config: " in text and "applied" in text for _, text in
                                                  list(self.daemon.process.lines)[lines:]), 60)


class Bird(Speaker):
    """BIRD 2; its kernel protocol scans rarely, so that scans are no part of the figures."""
    name = "BIRD"

    def start(self):
        text = f"router id {ROUTER['sink']};\nprotocol device {{ scan time 60; }}\n"
        text += ("protocol kernel { scan time 3600; merge paths on limit 16; "
                 "ipv4 { import none; export where source = RTS_BGP; }; }\n")
        for who, asn in PEERS:
            export = "where source = RTS_BGP" if who == "sink" else "none"
            text += (f"protocol bgp {who} {{ local {ROUTER[who]} as {AS}; neighbor {FAR[who]} as {asn}; direct; passive yes;\n"
                     f"  hold time {HOLD}; ipv4 {{ import all; export {export}; }}; }}\n")
        conf, control = self.lab.write("bird.conf", text), self.lab.path("bird.ctl")
        self.processes = [self.ns.spawn("bird", "bird", "-f", "-c", conf, "-s", control)]
        wait_for("BIRD", lambda: run(["birdc", "-s", control, "show", "status"], check=False).returncode == 0, 10,
                 alive=self.processes)


class Frr(Speaker):
    """FRR's zebra and bgpd."""
    name = "FRR"

    def start(self):
        text = f"router bgp {AS}\n bgp router-id {ROUTER['sink']}\n no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n"
        text += f" timers bgp {HOLD // 3} {HOLD}\n"
        for who, asn in PEERS:
            text += f" neighbor {FAR[who]} remote-as {asn}\n neighbor {FAR[who]} passive\n"
        text += " address-family ipv4 unicast\n  maximum-paths 16\n"
        for who, _ in PEERS:
            text += f"  neighbor {FAR[who]} activate\n"
            text += f"  neighbor {FAR[who]} route-map none out\n" if who != "sink" else ""
        text += " exit-address-family\nroute-map none deny 10\n"
        self.daemons = FrrDaemons(self.ns, "frr", {"zebra": "", "bgpd": text}).start()
        self.processes = self.daemons.processes


class Gobgp(Speaker):
    """GoBGP, to the second peer only: its way to a FIB is zebra, and GoBGP 3.10 dies of what FRR 8.4's zebra tells it of interfaces
    (or, told to speak an older zebra's protocol, has all its routes refused). A million prefixes take it many minutes."""
    name = "GoBGP"
    fib = False
    largest = 100000

    def start(self):
        text = (f'[global.config]\n as = {AS}\n router-id = "{ROUTER["sink"]}"\n local-address-list = ["0.0.0.0"]\n'
                '[global.use-multiple-paths.config]\n enabled = true\n'
                '[[defined-sets.neighbor-sets]]\n neighbor-set-name = "feeders"\n'
                f' neighbor-info-list = ["{FAR["a"]}", "{FAR["b"]}"]\n'
                '[[policy-definitions]]\n name = "none"\n [[policy-definitions.statements]]\n'
                ' [policy-definitions.statements.conditions.match-neighbor-set]\n neighbor-set = "feeders"\n'
                ' [policy-definitions.statements.actions]\n route-disposition = "reject-route"\n'
                '[global.apply-policy.config]\n export-policy-list = ["none"]\n')
        for who, asn in PEERS:
            text += (f'[[neighbors]]\n [neighbors.config]\n neighbor-address = "{FAR[who]}"\n peer-as = {asn}\n'
                     f' [neighbors.transport.config]\n passive-mode = true\n [neighbors.timers.config]\n hold-time = {HOLD}\n')
        daemon = GobgpDaemon(self.ns, "gobgpd", text).start()
        self.processes = [daemon.process]


class Openbgpd(Speaker):
    """OpenBGPD, which writes no FIB in its portable form."""
    name = "OpenBGPD"
    fib = False

    def start(self):
        text = f"AS {AS}\nrouter-id {ROUTER['sink']}\nholdtime {HOLD}\nfib-update no\nlisten on 0.0.0.0\nnexthop qualify via bgp\n"
        for who, asn in PEERS:
            export = "" if who == "sink" else " export none\n"
            text += f"neighbor {FAR[who]} {{\n remote-as {asn}\n passive\n{export}}}\n"
        text += f"allow from any\nallow to {FAR['sink']}\n"
        daemon = OpenbgpdDaemon(self.ns, "bgpd", text).start()
        self.processes = [daemon.process]


SPEAKERS = [Ours, Bird, Frr, Gobgp, Openbgpd]
