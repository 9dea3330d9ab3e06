# SPDX-License-Identifier: Apache-2.0
"""BIRD 2 as a BGP speaker: a cloud gateway's, or a router on the LAN."""
import re

from lab.lab import run, wait_for
from lab.router import Marks, Router, Seen


class Bird:
    """One bird in one namespace; the BGP protocol is called `peer`."""

    def __init__(self, ns, name="bird", *, router_id, asn, local, peers, announce=(), passive=False, hold=180,
                 multihop=True, transit=False, via_dev=None, options=""):
        """peers: list of (address, as). announce: prefixes of our own. via_dev: the interface by which peers that are on
        no connected network are reached (the tunnel's). transit: send on what other peers taught us. options: more lines of the protocols."""
        self.ns = ns
        self.lab = ns.lab
        self.name = name
        self.process = None
        self.socket = self.lab.path(f"{name}.ctl")
        static = "\n".join(f"  route {p} blackhole;" for p in announce)
        on_link = "\n".join(f'  route {address}/32 via "{via_dev}";' for address, _ in peers if via_dev)
        export = "all" if transit else 'where proto = "own"'
        text = f"""log "{self.lab.path(name + '-file.log')}" all;
router id {router_id};
protocol device {{ scan time 2; }}
protocol direct {{ ipv4; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol static own {{ ipv4;
{static}
}}
protocol static on_link {{ ipv4;
{on_link}
}}
"""
        for number, (address, remote_as) in enumerate(peers):
            hop, gateway = ("multihop 8;", " gateway recursive;") if multihop else ("direct;", "")
            text += f"""protocol bgp {'peer' if number == 0 else f'peer{number}'} {{
  local {local} as {asn};
  neighbor {address} as {remote_as};
  {hop}
  {'passive yes;' if passive else ''}
  hold time {hold};
  connect retry time 3;
  connect delay time 1;
  error wait time 1, 4;
  {options}
  ipv4 {{ import all; export {export}; next hop self;{gateway} }};
}}
"""
        self.conf = self.lab.write(f"{name}.conf", text)

    def start(self, *more):
        """more: of its command line; "-R" after a restart."""
        self.process = self.ns.spawn(self.name, "bird", "-f", *more, "-c", self.conf, "-s", self.socket)
        wait_for("BIRD's control socket", lambda: self.birdc("show", "status", check=False).returncode == 0, 10,
                 alive=[self.process])
        return self

    def birdc(self, *args, check=True):
        return run(["birdc", "-s", self.socket, *args], check=check)

    def established(self, protocol="peer"):
        return "Established" in self.birdc("show", "protocols", protocol, check=False).stdout

    def as_path(self, prefix):
        """The AS path of the best route, as a list; None when there is no such route from BGP."""
        out = self.birdc("show", "route", prefix, "all", check=False).stdout
        found = re.search(r"BGP\.as_path:[ ]*([0-9 ]*)", out)
        return [int(a) for a in found.group(1).split()] if found else None

    def announce(self, prefixes):
        """Rewrites the static routes and reconfigures softly."""
        with open(self.conf, encoding="utf-8") as f:
            text = f.read()
        static = "\n".join(f"  route {p} blackhole;" for p in prefixes)
        text = re.sub(r"(protocol static own \{ ipv4;\n)(?:.*\n)*?(\})", lambda m: f"{m[1]}{static}\n{m[2]}", text,
                      count=1)
        self.lab.write(f"{self.name}.conf", text)
        self.birdc("configure")

    def forget(self, prefix):
        """For the next start."""
        with open(self.conf, encoding="utf-8") as f:
            text = f.read()
        self.lab.write(f"{self.name}.conf", text.replace(f"  route {prefix} blackhole;\n", "", 1))

    def next_hop(self, address):
        """Announces our own prefixes with this next hop from now on; None: with ourselves."""
        ours = 'export where proto = "own"; next hop self;'
        with open(self.conf, encoding="utf-8") as f:
            text = f.read()
        if address:
            text = text.replace(ours, f'export filter {{ if proto = "own" then {{ bgp_next_hop = {address}; accept; }} reject; }};')
        else:
            text = re.sub(r"export filter .*? reject; };", ours, text)
        self.lab.write(f"{self.name}.conf", text)
        self.birdc("configure")

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.stop()


class BirdRouter(Router):
    """One session, for tables of speakers; its protocol is called `uplink` (`peer` is a word of the language: a role)."""

    def __init__(self, ns, name, session, options="", channel="", more="", relays=False, hops="direct", sets=""):
        """options: more lines of the protocol; channel: of its channel; more: of the file. relays: it passes on what other
        peers taught it. hops: "direct" refuses next hops that are on no network of its own, "multihop" shows them as unreachable.
        sets: what it does to all that it announces."""
        super().__init__(ns, name, session)
        self.socket, self.process, self.routes, self.options = self.lab.path(f"{name}.ctl"), None, {}, options
        self.channel, self.more, self.relays, self.hops, self.sets = channel, more, relays, hops, sets

    def _configure(self):
        s = self.s
        routes = sets = ""
        for r in self.routes.values():
            inside = f"bgp_med = {r.med};" if r.med else ""  # counts only where it is set at the export
            inside += "".join(f" bgp_community.add(({c.replace(':', ',')}));" for c in r.communities)
            inside += "".join(f" bgp_large_community.add(({c.replace(':', ',')}));" for c in r.large)
            routes += f"  route {r.prefix} blackhole;\n"
            sets += f"    if net = {r.prefix} then {{ {inside} }}\n"
        self.conf = self.lab.write(f"{self.name}.conf", f"""log "{self.lab.path(self.name)}-file.log" all;
router id {s.router_id};
protocol device {{ scan time 2; }}
protocol static own {{ {s.family};
{routes}}}
protocol bgp uplink {{
  local {s.local} as {s.asn};
  neighbor {s.peer} as {s.peer_as};
  {self.hops};
  {'passive yes;' if s.passive else ''}
  hold time {s.hold};
  connect retry time 2;
  connect delay time 1;
  error wait time 1, 2;
  {self.options}
  {s.family} {{ import all; {self.channel} export filter {{
    {'if source = RTS_BGP then accept;' if self.relays else ''}
    if proto != "own" then reject;
    {self.sets}
{sets}    accept;
  }}; }};
}}
{self.more}""")

    def start(self):
        self._configure()
        self.process = self.ns.spawn(self.name, "bird", "-f", "-c", self.conf, "-s", self.socket)
        wait_for("BIRD's control socket", lambda: self.birdc("show", "status", check=False).returncode == 0, 10,
                 alive=[self.process])
        return self

    def birdc(self, *args, check=True):
        return run(["birdc", "-s", self.socket, *args], check=check)

    def established(self):
        return "Established" in self.birdc("show", "protocols", "uplink", check=False).stdout

    def announce(self, route):
        self.routes[route.prefix] = route
        self._configure()
        self.birdc("configure")

    def withdraw(self, prefix):
        del self.routes[prefix]
        self._configure()
        self.birdc("configure")

    def seen(self, prefix):
        out = self.birdc("show", "route", prefix, "all", "protocol", "uplink", check=False).stdout
        path = re.search(r"BGP\.as_path:[ ]*([0-9 ]*)", out)
        if not path:
            return None

        def listed(key):
            found = re.search(rf"BGP\.{key}: (.*)", out)
            return frozenset(c.replace(", ", ":").replace(",", ":") for c in re.findall(r"\(([^)]*)\)", found[1] if found else ""))
        med = re.search(r"BGP\.med: (\d+)", out)
        return Seen(tuple(int(a) for a in path[1].split()), listed("community"), listed("large_community"), int(med[1]) if med else 0)

    def marks(self, prefix):
        out = self.birdc("show", "route", prefix, "all", "protocol", "uplink", check=False).stdout
        if "BGP.origin:" not in out:
            return None
        found = {key: re.search(rf"BGP\.{key}: (.*)", out) for key in ("originator_id", "cluster_list", "otc")}
        text = {key: f[1].strip() if f else None for key, f in found.items()}
        return Marks(text["originator_id"], tuple((text["cluster_list"] or "").split()), int(text["otc"]) if text["otc"] else None)

    def refresh(self):
        self.birdc("reload", "in", "uplink")

    def down(self, text):
        self.birdc("disable", "uplink", f'"{text}"')

    def up(self):
        self.birdc("enable", "uplink")

    def told(self, text):
        with open(f"{self.lab.path(self.name)}-file.log", encoding="utf-8", errors="replace") as f:
            return text in f.read()

    def kill(self):
        self.process.kill()
