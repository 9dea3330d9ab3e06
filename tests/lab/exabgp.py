# SPDX-License-Identifier: Apache-2.0
"""ExaBGP: a speaker without routing, steered by a program of ours that passes on our commands and writes down, as JSON, what it
was told."""
import json
import os
import sys

from lab.lab import wait_for
from lab.router import Router, Seen


class ExabgpRouter(Router):
    """One session, for tables of speakers. It is told by a FIFO; what it hears is in a file."""
    says_why = False
    hears_why = False  # release 4.2 says of a NOTIFICATION that it can't decode it

    def __init__(self, ns, name, session, options="", capability=""):
        """options: more lines of the neighbour; capability: more of what it can."""
        super().__init__(ns, name, session)
        s, helper = session, self.lab.write(f"{name}-helper.py", _HELPER)
        self.conf = self.lab.write(f"{name}.exa", f"""process us {{
  run {sys.executable} {helper} {self.lab.path(name)};
  encoder json;
}}
neighbor {s.peer} {{
  router-id {s.router_id};
  local-address {s.local};
  local-as {s.asn};
  peer-as {s.peer_as};
  hold-time {s.hold};
  {'passive true;' if s.passive else ''}
  {'listen 179;' if s.passive else ''}
  {options}
  family {{ {s.family} unicast; }}
  capability {{ asn4 enable; route-refresh enable; {capability} }}
  api {{ processes [ us ]; neighbor-changes; receive {{ parsed; update; notification; }} }}
}}
""")
        self.process, self.up_now, self.runs = None, True, 0
        self.wanted = {}

    def start(self):
        self.runs += 1
        for kind in ("in", "out"):
            if os.path.exists(f"{self.lab.path(self.name)}.{kind}"):
                os.unlink(f"{self.lab.path(self.name)}.{kind}")
        os.mkfifo(f"{self.lab.path(self.name)}.in")
        env = {"exabgp.daemon.user": "root", "exabgp.daemon.drop": "false", "exabgp.log.level": "INFO", "exabgp.api.cli": "false",
               "exabgp.api.ack": "false", "exabgp.tcp.bind": self.s.local if self.s.passive else "", "exabgp.log.network": "true",
               "exabgp.cache.attributes": "false"}
        self.process = self.ns.spawn(f"{self.name}-{self.runs}", "exabgp", self.conf, env=env)
        wait_for("ExaBGP's helper", lambda: os.path.exists(f"{self.lab.path(self.name)}.out"), 15, alive=[self.process])
        return self

    def _say(self, line):
        with open(f"{self.lab.path(self.name)}.in", "w", encoding="utf-8") as f:
            f.write(line + "\n")

    def _heard(self):
        with open(f"{self.lab.path(self.name)}.out", encoding="utf-8") as f:
            whole = f.read().rpartition("\n")[0]  # what comes after it is still being written
        return [json.loads(line, strict=False) for line in whole.splitlines() if line.startswith("{")]

    def established(self):
        states = [m["neighbor"]["state"] for m in self._heard() if m.get("type") == "state"]
        return bool(states) and states[-1] == "up"

    def announce(self, route, more=""):
        """more: further attributes, in its own words."""
        text = f"announce route {route.prefix} next-hop {self.s.local} {more}"
        text += f" med {route.med}" if route.med else ""
        text += f" community [ {' '.join(route.communities)} ]" if route.communities else ""
        text += f" large-community [ {' '.join(route.large)} ]" if route.large else ""
        self._say(text)

    def withdraw(self, prefix, more=""):
        self._say(f"withdraw route {prefix} next-hop {self.s.local} {more}")

    def seen(self, prefix):
        known = None
        for m in self._heard():
            update = m.get("neighbor", {}).get("message", {}).get("update", {})
            if m.get("type") == "state" and m["neighbor"]["state"] == "down":
                known = None
            for hops in update.get("announce", {}).values():
                for nlri in hops.values():
                    if any(isinstance(n, dict) and n.get("nlri") == prefix for n in nlri):
                        a = update["attribute"]
                        known = Seen(tuple(a.get("as-path", [])), frozenset(f"{x}:{y}" for x, y in a.get("community", [])),
                                     frozenset(":".join(map(str, c)) for c in a.get("large-community", [])), a.get("med", 0))
            for nlri in update.get("withdraw", {}).values():
                if any(n.get("nlri") == prefix for n in nlri):
                    known = None
        return known

    def refresh(self):
        self._say(f"announce route-refresh {self.s.family} unicast")

    def down(self, text):
        """It comes back by itself: 2 is an administrative shutdown, and there is no text."""
        self._say(f"neighbor {self.s.peer} teardown 2")

    def up(self):
        pass

    def kill(self):
        self.process.kill()


_HELPER = '''import os, sys, threading
base = sys.argv[1]
def commands():
    while True:
        with open(base + ".in", encoding="utf-8") as f:
            for line in f:
                sys.stdout.write(line)
                sys.stdout.flush()
threading.Thread(target=commands, daemon=True).start()
with open(base + ".out", "w", encoding="utf-8") as out:
    for line in sys.stdin:
        out.write(line)
        out.flush()
'''
