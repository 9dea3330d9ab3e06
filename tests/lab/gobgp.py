# SPDX-License-Identifier: Apache-2.0
"""GoBGP: gobgpd run directly, in the namespace, and asked by its command line there (its API is TCP 50051 of the loopback
interface)."""
from lab.lab import wait_for
from lab.router import AskedDaemon, Marks, Router, Seen


class GobgpDaemon(AskedDaemon):
    """One gobgpd with this configuration (TOML)."""

    def configure(self, text):
        self.conf = self.lab.write(f"{self.name}.toml", text)

    def start(self, *more):
        self.process = self.ns.spawn(self.name, "gobgpd", "-f", self.conf, "-p", "-l", "info", "--api-hosts", "127.0.0.1:50051",
                                     "--pprof-disable", *more)
        wait_for("gobgpd", lambda: self.ctl("global", check=False).returncode == 0, 15, alive=[self.process])
        return self

    def ctl(self, *args, check=True):
        return self.ns.run("gobgp", *args, check=check)


class GobgpRouter(Router):
    """One session, for tables of speakers. It keeps all that it hears, so it asks nobody for anything again."""
    asks = False

    def __init__(self, ns, name, session, options="", config="", more=""):
        """options: more tables of the neighbour; config: more lines of its own; more: of the file."""
        super().__init__(ns, name, session)
        s = session
        self.text = (f'[global.config]\n as = {s.asn}\n router-id = "{s.router_id}"\n local-address-list = ["{s.local}"]\n'
                     f'[[neighbors]]\n [neighbors.config]\n neighbor-address = "{s.peer}"\n peer-as = {s.peer_as}\n{config}'
                     f' [neighbors.transport.config]\n local-address = "{s.local}"\n passive-mode = {str(s.passive).lower()}\n'
                     f' [neighbors.timers.config]\n hold-time = {s.hold}\n connect-retry = 1\n idle-hold-time-after-reset = 1\n'
                     f' [[neighbors.afi-safis]]\n [neighbors.afi-safis.config]\n afi-safi-name = "{s.family}-unicast"\n{options}{more}')
        self.daemon, self.runs = None, 0

    def start(self):
        self.runs += 1
        self.daemon = GobgpDaemon(self.ns, f"{self.name}-{self.runs}", self.text).start()
        return self

    def established(self):
        return self.daemon.json("neighbor", self.s.peer).get("state", {}).get("session_state") == 6

    def announce(self, route):
        more = ["med", str(route.med)] if route.med else []
        more += ["community", ",".join(route.communities)] if route.communities else []
        more += ["large-community", ",".join(route.large)] if route.large else []
        self.daemon.ctl("global", "rib", "add", "-a", self.s.family, route.prefix, "nexthop", self.s.local, *more)

    def withdraw(self, prefix):
        self.daemon.ctl("global", "rib", "del", "-a", self.s.family, prefix)

    def _attributes(self, prefix):
        for path in self.daemon.json("neighbor", self.s.peer, "adj-in", "-a", self.s.family).get(prefix, []):
            return {a["type"]: a for a in path["attrs"]}
        return None

    def marks(self, prefix):
        at = self._attributes(prefix)
        return at and Marks(at.get(9, {}).get("value"), tuple(at.get(10, {}).get("value", ())))

    def seen(self, prefix):
        at = self._attributes(prefix)
        if at:
            hops = tuple(n for segment in at[2]["as_paths"] for n in segment["asns"])
            return Seen(hops, frozenset(f"{c >> 16}:{c & 0xffff}" for c in at.get(8, {}).get("communities", [])),
                        frozenset(":".join(str(c[k]) for k in ("ASN", "LocalData1", "LocalData2"))
                                  for c in at.get(32, {}).get("value", [])), at.get(4, {}).get("metric", 0))
        return None

    def refresh(self):
        self.daemon.ctl("neighbor", self.s.peer, "softresetin", "-a", self.s.family)

    def down(self, text):
        self.daemon.ctl("neighbor", self.s.peer, "shutdown", "--reason", text)

    def up(self):
        self.daemon.ctl("neighbor", self.s.peer, "enable")

    def told(self, text):
        return text in self.daemon.process.output()

    def kill(self):
        self.daemon.kill()
