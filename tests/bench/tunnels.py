#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many tunnels between two daemons: how fast they come up and what they cost in memory; Causeway, then strongSwan with the
same proposals in the same run.

    tunnels.py [COUNT [SUITE [Causeway|strongSwan]]]        500 aes256-sha256-curve25519 both

One end initiates all of them, each between two addresses of its own; the other only responds. The time runs from the
first attempt (Causeway) or from the command that starts them (strongSwan) to the last child. Memory is the daemon's
proportional set size per tunnel ten seconds later, above that of the same daemon without tunnels; what the kernel keeps
for interfaces is not in it. Both daemons run on the same processors.
"""
import re
import resource
import sys
import time

from lab.case import check, run_case
from lab.causeway import Causeway
from lab.hold import thread_of
from lab.lab import run, wait_for

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 500
SUITE = sys.argv[2] if len(sys.argv) > 2 else "aes256-sha256-curve25519"
ONLY = sys.argv[3] if len(sys.argv) > 3 else None
ESP = "aes256gcm16"
SITE = 4  # tunnels a site
PATIENCE = 60 + COUNT
IDLE_SECONDS = 10 if COUNT > 100 else 3


def near_address(n):
    return f"10.49.{n // 250}.{n % 250 + 1}"


def far_address(n):
    return f"10.50.{n // 250}.{n % 250 + 1}"


def namespaces(lab):
    near, far = lab.namespace("near"), lab.namespace("far")
    lab.link(near, "wan0", "192.0.2.1/24", far, "wan0", "192.0.2.2/24")
    near.ip("route", "add", "10.50.0.0/16", "via", "192.0.2.2")
    far.ip("route", "add", "10.49.0.0/16", "via", "192.0.2.1")
    for n in range(COUNT):
        near.ip("addr", "add", f"{near_address(n)}/32", "dev", "lo")
        far.ip("addr", "add", f"{far_address(n)}/32", "dev", "lo")
    return near, far


def pss(pid):
    """KiB"""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))


def processor(pid):
    """Seconds"""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Figures:
    """Of one end."""

    def __init__(self, case, who):
        self.case, self.who = case, who

    def print(self, seconds, rss, cpu):
        self.case.note(f"{self.who}: {COUNT} tunnels in {seconds:.2f} s, {COUNT / seconds:.0f} a second; "
                       f"near: {rss[0]:.0f} KiB a tunnel, {cpu[0] * 1000 / COUNT:.1f} ms of processor a tunnel; "
                       f"far: {rss[1]:.0f} KiB, {cpu[1] * 1000 / COUNT:.1f} ms")


# ---- Causeway

def config(c, near):
    secret = c.secret()
    return {"causeway:connector": {
        "as": 65001, "router-id": "10.0.0.10" if near else "10.0.0.11",
        "site": [{"name": f"s{first // SITE}", "profile": "generic-ikev2",
                  "tunnel": [{"name": f"t{n}", "role": "initiate" if near else "respond", "interface": f"cw{n}",
                              "local-address": near_address(n) if near else far_address(n),
                              "remote-address": [far_address(n) if near else near_address(n)],
                              "secret-file": secret, "ike-proposal": [SUITE], "esp-proposal": [ESP],
                              "inside-address": [f"10.{60 if near else 61}.{n // 250}.{n % 250 + 1}/32"],
                              "static-route": [{"prefix": f"10.{61 if near else 60}.{n // 250}.{n % 250 + 1}/32"}]}
                             for n in range(first, min(first + SITE, COUNT))]} for first in range(0, COUNT, SITE)]}}


def ups(c):
    return [at for at, line in list(c.process.lines) if "child SA is up" in line]


def wakes(pid):
    """How often the data plane's thread has gone to sleep."""
    with open(f"/proc/{pid}/task/{thread_of(pid, 'data-plane')}/status", encoding="ascii") as f:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))


def idle_load(ends):
    """Percent of a processor of each, over IDLE_SECONDS. Counted, not timed: the data plane is asked about all tunnels at
    once; one by one it would be woken 3 times a tunnel and second, beside what IKE has to say."""
    before, began = [(processor(c.process.pid), wakes(c.process.pid)) for c in ends], time.monotonic()
    time.sleep(IDLE_SECONDS)
    seconds = time.monotonic() - began
    for c, (_, woken) in zip(ends, before):
        each = (wakes(c.process.pid) - woken) / seconds
        check(each <= 20 + COUNT, f"{c.name}: its data plane was woken {each:.0f} times a second")
    return [100 * (processor(c.process.pid) - cpu) / seconds for c, (cpu, _) in zip(ends, before)]


class Reaped:
    """Processor time of the children that are waited for from here on, over their whole lives."""

    def __init__(self):
        self.before = self._sum()

    @staticmethod
    def _sum():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def seconds(self):
        return self._sum() - self.before


def causeway(case):
    with case.lab("bench-causeway") as lab:
        ends = [Causeway(ns, ns.short, release=True) for ns in namespaces(lab)]
        near, far = ends
        for c in ends:
            c.configure({"causeway:connector": {}})
            c.start()
        empty = [pss(c.process.pid) for c in ends]
        for c in ends:
            c.stop()
            c.configure(config(c, c is near))
        began = time.monotonic()
        far.start(PATIENCE)
        loaded = time.monotonic() - began
        cpu = [0, processor(far.process.pid)]
        near.spawn()
        wait_for("the first attempt", lambda: any("-> connecting" in line for _, line in list(near.process.lines)), PATIENCE, 0.01,
                 alive=[near.process])
        cpu[0] = processor(near.process.pid)
        wait_for("every tunnel", lambda: len(ups(near)) >= COUNT and len(ups(far)) >= COUNT, PATIENCE, alive=[near.process])
        first = next(at for at, line in near.process.lines if "-> connecting" in line)
        cpu = [processor(c.process.pid) - before for c, before in zip(ends, cpu)]
        wait_for("an answer", near.answers, PATIENCE)
        case.note(f"Causeway: {loaded:.2f} s from start to answer with {COUNT} responding tunnels; "
                  f"{first - near.started:.2f} s from start to the first attempt with {COUNT} initiating ones")
        idle = idle_load(ends)
        Figures(case, "Causeway").print(max(ups(near)[COUNT - 1], ups(far)[COUNT - 1]) - first,
                                        [(pss(c.process.pid) - e) / COUNT for c, e in zip(ends, empty)], cpu)
        case.note(f"all up and no traffic: near {idle[0]:.1f} %, far {idle[1]:.1f} % of a processor")
        began = time.monotonic()
        rows = sum(len(s["tunnel"]) for s in near.json("status")["site"])
        case.note(f"`causeway status` with {rows} tunnels: {(time.monotonic() - began) * 1000:.0f} ms")
        check(all(t["child"] for t in near.json("tunnel", "list")["tunnel"]), "a tunnel without child")
        for c, what in ((near, "SIGTERM to the end"), (far, "the other end, whose peers have gone")):
            before, began = processor(c.process.pid), time.monotonic()
            used = Reaped()
            c.stop(PATIENCE)
            took = time.monotonic() - began
            if c is near:
                wait_for("the far end to hear of it", lambda: not any(
                    t["child"] for t in far.json("tunnel", "list")["tunnel"]), PATIENCE)
            case.note(f"{what}: {took:.2f} s, {used.seconds() - before:.2f} s of processor")


# ---- strongSwan

_CONF = """charon-systemd {{
  load = random nonce openssl sha1 sha2 aes hmac gcm curve25519 kdf kernel-libipsec kernel-netlink socket-default vici
  threads = 16
  ikesa_table_size = 1024
  ikesa_table_segments = 16
  init_limit_half_open = 0
  half_open_timeout = 60
  cookie_threshold = 1000
  block_threshold = 1000
  plugins {{
    kernel-netlink {{
      fwmark = !0x42
      receive_buffer_size = 8388608
    }}
    socket-default {{ fwmark = 0x42 }}
    kernel-libipsec {{ allow_peer_ts = yes }}
    vici {{ socket = unix://{vici} }}
  }}
  journal {{ default = -1 }}
  syslog {{ daemon {{ default = -1 }} }}
}}
"""


def swan_connections(near):
    text = "connections {\n"
    for n in range(COUNT):
        local, remote = (near_address(n), far_address(n)) if near else (far_address(n), near_address(n))
        text += (f"t{n} {{ version = 2\n local_addrs = {local}\n remote_addrs = {remote}\n proposals = {SUITE}\n"
                 f" encap = yes\n mobike = no\n unique = replace\n local {{ auth = psk\n id = {local}\n }}\n"
                 f" remote {{ auth = psk\n id = {remote}\n }}\n children {{ c{n} {{\n"
                 f" local_ts = 10.{60 if near else 61}.{n // 250}.{n % 250 + 1}/32\n"
                 f" remote_ts = 10.{61 if near else 60}.{n // 250}.{n % 250 + 1}/32\n"
                 f" esp_proposals = {ESP.replace('gcm16', 'gcm128')}\n start_action = {'start' if near else 'none'}\n }} }} }}\n")
    return text + '}\nsecrets { ike-a { secret = "AzureSharedKey2024!" } }\n'


class Swan:
    """A charon in a namespace, silent, with the connections of one end."""

    def __init__(self, ns):
        self.ns, self.dir = ns, f"{ns.lab.dir}/swan-{ns.short}"
        ns.lab.write(f"swan-{ns.short}/strongswan.conf", _CONF.format(vici=f"{self.dir}/vici"))
        ns.lab.write(f"swan-{ns.short}/swanctl/swanctl.conf", swan_connections(ns.short == "near"))
        self.env = {"STRONGSWAN_CONF": f"{self.dir}/strongswan.conf", "SWANCTL_DIR": f"{self.dir}/swanctl"}
        self.process = ns.spawn(f"charon-{ns.short}", "unshare", "-m", "sh", "-c",
                                "mount -t tmpfs tmpfs /run && exec /usr/sbin/charon-systemd", env=self.env)
        wait_for("charon", lambda: self.swanctl("--stats").returncode == 0, 20, alive=[self.process])

    def swanctl(self, *args):
        return run(["swanctl", args[0], "--uri", f"unix://{self.dir}/vici", *args[1:]], check=False, timeout=PATIENCE,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.env})

    def up(self):
        found = re.search(r"IKE_SAs: (\d+) total, (\d+) half-open", self.swanctl("--stats").stdout)
        return int(found.group(1)) - int(found.group(2))

    def children(self):
        return len(re.findall(r"INSTALLED", self.swanctl("--list-sas").stdout))


def strongswan(case):
    with case.lab("bench-strongswan") as lab:
        spaces = namespaces(lab)
        for ns, number in zip(spaces, (60, 61)):
            for n in range(COUNT):  # libipsec wants the selector's address to be there
                ns.ip("addr", "add", f"10.{number}.{n // 250}.{n % 250 + 1}/32", "dev", "lo")
        near, far = [Swan(ns) for ns in spaces]
        pids = [s.process.pid for s in (near, far)]
        empty = [pss(p) for p in pids]
        check(far.swanctl("--load-all").returncode == 0, "strongSwan refused the responder's connections")
        cpu = [processor(p) for p in pids]
        began = time.monotonic()
        check(near.swanctl("--load-all").returncode == 0, "strongSwan refused the initiator's connections")
        wait_for("every tunnel", lambda: near.up() >= COUNT and far.up() >= COUNT, PATIENCE, 0.05, alive=[near.process])
        seconds = time.monotonic() - began
        cpu = [processor(p) - before for p, before in zip(pids, cpu)]
        check(near.children() == COUNT, f"{near.children()} children")
        time.sleep(IDLE_SECONDS)  # the same as Causeway's
        Figures(case, "strongSwan").print(seconds, [(pss(p) - e) / COUNT for p, e in zip(pids, empty)], cpu)
        near.process.stop(PATIENCE)
        far.process.stop(PATIENCE)


def main(case):
    for name, bench in (("Causeway", causeway), ("strongSwan", strongswan)):
        if ONLY in (None, name):
            with case.step(f"{COUNT} tunnels of {SUITE} and {ESP}: {name}"):
                bench(case)


run_case("tunnels", main)
