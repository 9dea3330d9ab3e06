# SPDX-License-Identifier: Apache-2.0
"""The daemons under test, each told the same: wait for the feeders and the sink, take all that the feeders say, put it into the
kernel, use equally good paths together, and tell the sink, and nobody else, the best."""
import re

from bench.bgp.picture import AS, FAR, FEEDER_AS, HOLD, ROUTER, SINK_AS, processes_below
from lab.causeway import Causeway
from lab.lab import run, wait_for

PEERS = [("a", FEEDER_AS), ("b", FEEDER_AS), ("sink", SINK_AS)]


class Speaker:
    """What the measurements need of a daemon."""
    name = "?"
    fib = True        # it writes the kernel's FIB
    ecmp = True       # ... with several ways
    largest = 1 << 30  # prefixes that it is measured with

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

    def start(self):
        peers = [{"name": who, "local-address": ROUTER[who], "peer-address": FAR[who], "peer-as": asn, "mode": "passive",
                  "hold-time": HOLD, "transit": who == "sink"} for who, asn in PEERS]
        self.daemon = Causeway(self.ns, config={"causeway:connector": {"as": AS, "router-id": ROUTER["sink"], "peer": peers}},
                               release=True).start()
        self.processes = [self.daemon.process]


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


SPEAKERS = [Ours, Bird]
