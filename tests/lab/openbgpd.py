# SPDX-License-Identifier: Apache-2.0
"""OpenBGPD (its portable form, which writes no FIB): run directly in the namespace. Its processes give up root for the user
_openbgpd and change into /run/openbgpd, which exists in a mount namespace of their own only."""
import json
import re

from lab.lab import run, wait_for
from lab.router import AskedDaemon, Marks, Router, Seen


class OpenbgpdDaemon(AskedDaemon):
    """One bgpd with this configuration; its control socket is added. When it is killed its children end, too."""

    def __init__(self, ns, name, text):
        self.socket = ns.lab.path(f"{name}.sock")
        super().__init__(ns, name, text)

    def configure(self, text):
        self.conf = self.lab.write(f"{self.name}.conf", f'socket "{self.socket}"\n{text}', 0o600)

    def start(self):
        self.process = self.ns.spawn(
            self.name, "unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/openbgpd && exec "$@"', "sh",
            "/usr/sbin/bgpd", "-d", "-f", self.conf)
        wait_for("bgpd's socket", lambda: self.ctl("show", check=False).returncode == 0, 15, alive=[self.process])
        return self

    def ctl(self, *args, check=True):
        return run(["bgpctl", "-s", self.socket, *args], check=check)


class OpenbgpdRouter(Router):
    """One session, for tables of speakers. Asked for its routes again, release 7.7 counts the request and sends nothing."""
    resends = False

    def __init__(self, ns, name, session, options="", more=""):
        """options: more lines of the neighbour; more: of the file."""
        super().__init__(ns, name, session)
        s = session
        own = " announce IPv6 unicast\n announce IPv4 none\n" if s.six else ""
        self.text = (f"AS {s.asn}\nrouter-id {s.router_id}\nholdtime {s.hold}\nconnect-retry 2\nfib-update no\nlisten on {s.local}\n"
                     f"neighbor {s.peer} {{\n remote-as {s.peer_as}\n local-address {s.local}\n{own}"
                     f"{' passive' if s.passive else ''}\n{options}\n}}\n{more}allow from any\nallow to any\n")
        self.daemon, self.runs = None, 0

    def start(self):
        self.runs += 1
        self.daemon = OpenbgpdDaemon(self.ns, f"{self.name}-{self.runs}", self.text).start()
        return self

    def _neighbour(self):
        return next(iter(self.daemon.json("show", "neighbor", self.s.peer).get("neighbors", [])), {})

    def established(self):
        return self._neighbour().get("state") == "Established"

    def announce(self, route):
        more = ["metric", str(route.med)] if route.med else []
        more += [w for c in route.communities for w in ("community", c)]
        more += [w for c in route.large for w in ("large-community", c)]
        self.daemon.ctl("network", "add", route.prefix, *more)

    def withdraw(self, prefix):
        self.daemon.ctl("network", "delete", prefix)

    def _routes(self, prefix):
        """What we taught it."""
        routes = self.daemon.json("show", "rib", "neighbor", self.s.peer, "detail", prefix).get("rib", [])
        return [r for r in routes if r.get("prefix") == prefix]

    def marks(self, prefix):
        for r in self._routes(prefix):
            at = {a["type"]: a for a in r.get("attributes", [])}
            return Marks(at.get("Originator Id", {}).get("originator"), tuple(at.get("Cluster Id List", {}).get("cluster_list", ())),
                         at.get("OTC", {}).get("as"))
        return None

    def seen(self, prefix):
        for r in self._routes(prefix):
            return Seen(tuple(int(a) for a in r["aspath"].split()), frozenset(r.get("communities", [])),
                        frozenset(r.get("large_communities", [])), r.get("metric", 0))
        return None

    def refresh(self):
        self.daemon.ctl("neighbor", self.s.peer, "refresh")

    def sweeps(self):
        """How many begins and ends of a refresh it has had from us (RFC 7313)."""
        out = self.daemon.ctl("show", "neighbor", self.s.peer).stdout
        return tuple(int(re.search(rf"{what}-of-RR\s+\d+\s+(\d+)", out)[1]) for what in ("Begin", "End"))

    def asked(self):
        """How often we have asked it for its routes."""
        return int(re.search(r"Request\s+\d+\s+(\d+)", self.daemon.ctl("show", "neighbor", self.s.peer).stdout)[1])

    def down(self, text):
        self.daemon.ctl("neighbor", self.s.peer, "down", text)

    def up(self):
        self.daemon.ctl("neighbor", self.s.peer, "up")

    def wake(self):
        self.daemon.ctl("neighbor", self.s.peer, "clear")

    def told(self, text):
        return text in self.daemon.process.output() or text in json.dumps(self._neighbour())

    def kill(self):
        self.daemon.kill()
