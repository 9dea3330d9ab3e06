# SPDX-License-Identifier: Apache-2.0
"""BIRD and FRR as routers that speak BGP and BFD, in IPv4 and IPv6: one session of each, over one hop or several."""
import json
import os
import shutil

from lab.frr import Frr
from lab.lab import run, wait_for


class BirdBfd:
    """BIRD with a BFD session for each of its BGP sessions. ends: (ours, theirs) per session."""

    def __init__(self, ns, short, *, router_id, asn, remote_as, ends, multihop):
        self.ns, self.short = ns, short
        self.process = None
        self.socket = ns.lab.path(f"{short}.ctl")
        hop = "multihop" if multihop else "direct"
        text = f"""log "{ns.lab.path(short + '-file.log')}" all;
router id {router_id};
protocol device {{ scan time 2; }}
protocol bfd bfd1 {{
  interface "*" {{ min rx interval 250 ms; min tx interval 250 ms; idle tx interval 1 s; multiplier 4; }};
  multihop {{ min rx interval 250 ms; min tx interval 250 ms; idle tx interval 1 s; multiplier 4; }};
}}
"""
        for i, (ours, theirs) in enumerate(ends):
            family = "ipv6" if ":" in ours else "ipv4"
            text += f"""protocol bgp peer{i} {{
  local {ours} as {asn};
  neighbor {theirs} as {remote_as};
  {hop};
  bfd;
  connect retry time 3; connect delay time 1; error wait time 1, 4;
  {family} {{ import all; export none; }};
}}
"""
        self.conf = ns.lab.write(f"{short}.conf", text)

    def start(self):
        self.process = self.ns.spawn(self.short, "bird", "-f", "-c", self.conf, "-s", self.socket)
        wait_for("BIRD's control socket", lambda: self.birdc("show", "status", check=False).returncode == 0, 10,
                 alive=[self.process])
        return self

    def birdc(self, *args, check=True):
        return run(["birdc", "-s", self.socket, *args], check=check)

    def bfd_up(self):
        """How many BFD sessions it has Up."""
        return sum(" Up " in line for line in self.birdc("show", "bfd", "sessions", check=False).stdout.splitlines())

    def last_cease(self):
        """What it says of the last NOTIFICATION it got, all sessions together."""
        return self.birdc("show", "protocols", "all", check=False).stdout


class FrrBfd(Frr):
    """zebra, staticd, bgpd and bfdd."""

    def __init__(self, ns, short, *, router_id, asn, remote_as, ends, multihop):
        super().__init__(ns, short, router_id=router_id, asn=asn, local=router_id, peers=[], announce=())
        self.ends = ends
        bgp = f"hostname router\nrouter bgp {asn}\n bgp router-id {router_id}\n no bgp ebgp-requires-policy\n"
        bgp += " no bgp default ipv4-unicast\n timers bgp 60 180\n"
        for ours, theirs in ends:
            bgp += f" neighbor {theirs} remote-as {remote_as}\n neighbor {theirs} update-source {ours}\n"
            bgp += f" neighbor {theirs} timers connect 3\n neighbor {theirs} bfd\n"
            if multihop:
                bgp += f" neighbor {theirs} ebgp-multihop 8\n"
        for family in ("ipv4", "ipv6"):
            bgp += f" address-family {family} unicast\n"
            bgp += "".join(f"  neighbor {t} activate\n" for o, t in ends if (":" in o) == (family == "ipv6"))
            bgp += " exit-address-family\n"
        ns.lab.write(f"{short}/bgpd.conf", bgp)
        ns.lab.write(f"{short}/zebra.conf", "hostname router\n")
        ns.lab.write(f"{short}/staticd.conf", "hostname router\n")
        peers = "".join(f" peer {t}{' multihop' if multihop else ''} local-address {o}\n  receive-interval 250\n"
                        f"  transmit-interval 250\n  detect-multiplier 4\n" for o, t in ends)
        ns.lab.write(f"{short}/bfdd.conf", f"hostname router\nbfd\n{peers}")
        for f in os.listdir(self.dir):
            shutil.chown(os.path.join(self.dir, f), "frr", "frr")
        self.multihop = multihop

    def start(self):
        self._daemon("zebra")
        wait_for("zebra's socket", lambda: os.path.exists(f"{self.dir}/zserv.api"), 15, alive=self.processes)
        self._daemon("bfdd", "--bfdctl", f"{self.dir}/bfdd.sock")
        wait_for("bfdd's vty", lambda: self.bfdd("show version", check=False).returncode == 0, 15, alive=self.processes)
        self._daemon("bgpd", "-l", "0.0.0.0", "-l", "::")
        wait_for("bgpd's vty", lambda: self.vtysh("show version", check=False).returncode == 0, 15, alive=self.processes)
        return self

    def bfdd(self, *commands, check=True):
        argv = ["vtysh", "--vty_socket", self.dir, "-d", "bfdd"]
        for command in commands:
            argv += ["-c", command]
        return run(argv, check=check)

    def bfd_up(self):
        out = self.bfdd("show bfd peers json", check=False).stdout.strip()
        return sum(p.get("status") == "up" for p in json.loads(out)) if out.startswith("[") else 0

    def last_cease(self):
        return self.vtysh("show bgp neighbors", check=False).stdout

    def shut(self, end, down=True):
        """`shutdown` of one BFD session: AdminDown."""
        ours, theirs = end
        self.bfdd("configure terminal", "bfd", f"peer {theirs}{' multihop' if self.multihop else ''} local-address {ours}",
                  "shutdown" if down else "no shutdown")
