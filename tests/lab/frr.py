# SPDX-License-Identifier: Apache-2.0
"""FRR as a BGP speaker: zebra, staticd and bgpd run directly, in the namespace, with every path private to the lab."""
import json
import os
import shutil

from lab.lab import run, wait_for
from lab.router import Marks, Router, Seen

_BIN = "/usr/lib/frr"


class FrrDaemons:
    """Daemons of FRR in one namespace, as user frr (they refuse root), in a mount namespace of their own; `texts` are their
    configurations: {"zebra": ..., "bgpd": ...}. zebra comes first."""

    def __init__(self, ns, name, texts):
        self.ns = ns
        self.lab = ns.lab
        self.name = name
        self.processes = []
        self.dir = self.lab.path(name)
        self.socket = f"{self.dir}/zserv.api"
        os.makedirs(self.dir, exist_ok=True)
        self.which = list(texts)
        for which, text in texts.items():
            self.lab.write(f"{name}/{which}.conf", text)
        for entry in (self.dir, *(os.path.join(self.dir, f) for f in os.listdir(self.dir))):
            shutil.chown(entry, "frr", "frr")

    def _daemon(self, which, *more):
        self.processes.append(self.ns.spawn(
            f"{self.name}-{which}", "unshare", "-m", "sh", "-c",
            'mount -t tmpfs tmpfs /run && mkdir -p /run/frr && chown frr:frr /run/frr && exec "$@"', "sh",
            f"{_BIN}/{which}", "-u", "frr", "-g", "frr", "-f", f"{self.dir}/{which}.conf", "-i",
            f"{self.dir}/{which}.pid", "-z", self.socket, "--vty_socket", self.dir, "-A", "127.0.0.1",
            "--log", "stdout", "--log-level", "informational", *more))

    def start(self):
        self._daemon("zebra", "-s", "90000000")
        wait_for("zebra's socket", lambda: os.path.exists(self.socket), 15, alive=self.processes)
        for which in self.which:
            if which != "zebra":
                self._daemon(which, *(("-l", "0.0.0.0", "-l", "::") if which == "bgpd" else ()))
                wait_for(f"{which}'s vty", lambda w=which: self.vtysh("show version", daemon=w, check=False).returncode == 0,
                         15, alive=self.processes)
        return self

    def vtysh(self, *commands, daemon="bgpd", check=True):
        return run(["vtysh", "--vty_socket", self.dir, "-d", daemon, *(w for c in commands for w in ("-c", c))], check=check)

    def json(self, command):
        out = self.vtysh(command + " json", check=False).stdout.strip()
        try:
            return json.loads(out) if out else {}
        except json.JSONDecodeError:
            return {}

    def kill(self):
        for p in reversed(self.processes):
            p.kill()
        self.processes = []

    def stop(self):
        for p in reversed(self.processes):
            p.stop()
        self.processes = []


class Frr(FrrDaemons):
    """zebra, staticd and bgpd behind a tunnel."""

    def __init__(self, ns, name="frr", *, router_id, asn, local, peers, announce=(), source_dev="ipsec0"):
        zebra = "hostname gateway\nip nht resolve-via-default\n"
        zebra += "".join(f"ip route {p} blackhole 250\n" for p in announce)
        zebra += "".join(f"ip route {address}/32 {source_dev}\n" for address, _ in peers if source_dev)
        bgp = f"hostname gateway\nrouter bgp {asn}\n bgp router-id {router_id}\n no bgp ebgp-requires-policy\n"
        bgp += " bgp default ipv4-unicast\n timers bgp 60 180\n"
        for address, remote_as in peers:
            bgp += f" neighbor {address} remote-as {remote_as}\n neighbor {address} ebgp-multihop 8\n"
            bgp += f" neighbor {address} update-source {local}\n neighbor {address} timers connect 3\n"
            bgp += f" neighbor {address} disable-connected-check\n"
        bgp += " address-family ipv4 unicast\n" + "".join(f"  network {p}\n" for p in announce)
        bgp += " exit-address-family\n"
        super().__init__(ns, name, {"zebra": zebra, "staticd": zebra, "bgpd": bgp})

    def established(self, _protocol="peer"):
        peers = self.json("show bgp ipv4 unicast summary").get("peers", {})
        return bool(peers) and all(p.get("state") == "Established" for p in peers.values())

    def as_path(self, prefix):
        for path in self.json(f"show bgp ipv4 unicast {prefix}").get("paths", []):
            if "aspath" in path and path.get("peer", {}).get("peerId", "0.0.0.0") != "0.0.0.0":
                text = path["aspath"].get("string", "")
                return [] if text == "Local" else [int(a) for a in text.split()]
        return None


class FrrRouter(Router):
    """One session, for tables of speakers."""

    def __init__(self, ns, name, session, options=(), lines=(), networks=(), family_lines=()):
        """options: more lines of the neighbour, without "neighbor ADDRESS"; lines: of the router; family_lines: of its address
        family; networks: announced from the start on."""
        super().__init__(ns, name, session)
        neighbour = [f"remote-as {session.peer_as}", "timers connect 1", f"timers {session.hold // 3} {session.hold}", *options]
        neighbour += ["passive"] if session.passive else []
        bgp = f"router bgp {session.asn}\n bgp router-id {session.router_id}\n no bgp ebgp-requires-policy\n"
        bgp += " no bgp default ipv4-unicast\n no bgp network import-check\n"
        bgp += "".join(f" {line}\n" for line in lines)
        bgp += "".join(f" neighbor {session.peer} {line}\n" for line in neighbour)
        self.af = f"address-family {session.family} unicast"
        bgp += f" {self.af}\n  neighbor {session.peer} activate\n"
        bgp += "".join(f"  {line}\n" for line in (*family_lines, *(f"network {n}" for n in networks))) + " exit-address-family\n"
        self.texts = {"zebra": "", "bgpd": bgp}
        self.daemons, self.routes, self.runs = None, 0, 0

    def start(self):
        self.runs += 1
        self.daemons = FrrDaemons(self.ns, f"{self.name}-{self.runs}", self.texts).start()
        return self

    def vty(self, *lines):
        return self.daemons.vtysh("configure terminal", *lines)

    def bgp(self, *lines):
        return self.vty(f"router bgp {self.s.asn}", *lines)

    def neighbour(self):
        return self.daemons.json(f"show bgp neighbors {self.s.peer}").get(self.s.peer, {})

    def established(self):
        return self.neighbour().get("bgpState") == "Established"

    def announce(self, route):
        self.routes += 1
        sets = [f"set metric {route.med}"] if route.med else []
        sets += [f"set community {' '.join(route.communities)}"] if route.communities else []
        sets += [f"set large-community {' '.join(route.large)}"] if route.large else []
        self.vty(f"route-map r{self.routes} permit 10", *sets)
        self.bgp(self.af, f"network {route.prefix} route-map r{self.routes}")

    def withdraw(self, prefix):
        self.bgp(self.af, f"no network {prefix}")

    def _path(self, prefix):
        """What we taught it."""
        for path in self.daemons.json(f"show bgp {self.s.family} unicast {prefix}").get("paths", []):
            if path.get("peer", {}).get("peerId") == self.s.peer:
                return path
        return None

    def seen(self, prefix):
        path = self._path(prefix)
        if not path:
            return None
        hops = path["aspath"]["string"]
        return Seen(() if hops == "Local" else tuple(int(a) for a in hops.split()),
                    frozenset(path.get("community", {}).get("string", "").split()),
                    frozenset(path.get("largeCommunity", {}).get("string", "").split()), path.get("metric", 0))

    def marks(self, prefix):
        path = self._path(prefix)
        return path and Marks(path.get("originatorId"), tuple(path.get("clusterList", {}).get("list", ())), path.get("otc"))

    def refresh(self):
        self.daemons.vtysh(f"clear bgp {self.s.family} unicast {self.s.peer} soft in")

    def down(self, text):
        self.bgp(f"neighbor {self.s.peer} shutdown message {text}")

    def up(self):
        self.bgp(f"no neighbor {self.s.peer} shutdown")

    def told(self, text):
        return text in self.neighbour().get("lastShutdownDescription", "")

    def kill(self):
        self.daemons.kill()
