#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""100,000 IKE_SA_INITs from 65,536 forged sources at one causewayd. Meanwhile the live tunnel passes all its packets, a
legitimate peer comes up within 2 s, three times, and afterwards nothing of the flood is left."""
import time

from lab import flood, traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway
from lab.lab import wait_for

FLOOD, RATE, PROBE = 100000, 12000, 1000
BRANCH = "branch/t1"


def add_branch_site(config, secret):
    """A tunnel that only responds: who initiates through the flood is the other end."""
    config["causeway:connector"]["site"].append(
        {"name": "branch", "profile": "generic-ikev2",
         "tunnel": [{"name": "t1", "role": "respond", "local-address": "198.51.100.1", "remote-address": ["198.51.100.2"],
                     "secret-file": secret, "inside-address": ["10.9.0.1/32"]}]})


def branch_end(lab):
    ns = lab.namespace("branch")
    lab.link(lab.namespaces["onprem"], "wan1", "198.51.100.1/24", ns, "wan0", "198.51.100.2/24")
    c = Causeway(ns, "branch", release=True)
    c.configure({"causeway:connector": {"as": 65010, "router-id": "10.9.0.2", "site": [
        {"name": "hq", "profile": "generic-ikev2",
         "tunnel": [{"name": "t1", "role": "initiate", "local-address": "198.51.100.2", "remote-address": ["198.51.100.1"],
                     "secret-file": c.secret(), "inside-address": ["10.9.0.2/32"]}]}]}})
    return c


def processor_seconds(cw):
    with open(f"/proc/{cw.process.pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident(cw):
    with open(f"/proc/{cw.process.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * 4096


def datagrams(ns):
    """Received by the namespace's sockets, and dropped because a buffer was full."""
    rows = ns.run("cat", "/proc/net/snmp").stdout.splitlines()
    names, values = [row.split() for row in rows if row.startswith("Udp:")]
    found = dict(zip(names, values))
    return int(found["InDatagrams"]), int(found["RcvbufErrors"])


def take_sample(net):
    """The gateway's own first message, as an attacker would see it pass."""
    recorder = flood.Recorder(net.onprem, "wan0")
    net.swan.swanctl("--initiate", "--ike", "gw", "--timeout", "1", check=False)
    net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
    found = recorder.stop()
    samples = [text for port, text in found if port == 500 and bytes.fromhex(text)[16:20] == b"\x21\x20\x22\x08"]
    check(samples, "no IKE_SA_INIT was seen")
    return samples[0]


def comes_up(case, cw, branch, flooding):
    """Down, up, and the time until both ends have the child."""
    branch.cli("tunnel", "down", "hq/t1", "--wait", check=False)
    wait_for("the branch to be gone", lambda: not cw.tunnel(BRANCH)["child"], 10)
    before = flooding.sent()
    began = time.monotonic()
    branch.cli("tunnel", "up", "hq/t1", "--no-wait")
    wait_for("the branch's tunnel", lambda: cw.tunnel(BRANCH)["child"] and branch.tunnel("hq/t1")["child"], 10, 0.02)
    seconds = time.monotonic() - began
    case.note(f"up after {seconds:.2f} s and {flooding.sent() - before} of the flood")
    return seconds


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        cw = net.causeway(release=True)
        branch = branch_end(lab)
        config = cw.config
        add_branch_site(config, cw.secret())
        cw.configure(config)
        sample = take_sample(net)
        net.onprem.ip("route", "add", "10.66.0.0/16", "via", "192.0.2.2")  # our answers go somewhere, and end there
        net.azure.ip("route", "add", "blackhole", "10.66.0.0/16")
        cw.start()
        branch.start()
        cw.wait_step("in-fib")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        arrived = datagrams(net.onprem)
        before, memory, cpu = cw.spis(), resident(cw), processor_seconds(cw)
        load = traffic.Load(net.lan, LAN_HOST, net.vnet, VNET_HOST, PROBE)
        with case.step(f"{FLOOD} IKE_SA_INITs; a legitimate tunnel comes up within 2 s, three times"):
            flooding = flood.Inits(net.azure, "wan0", net.onprem, "wan0", "192.0.2.1", sample, FLOOD, RATE)
            wait_for("the flood", lambda: flooding.sent() > RATE // 2, 20, alive=[flooding.process])
            took = [comes_up(case, cw, branch, flooding) for _ in range(3)]
            check(flooding.sent() < FLOOD, "the flood was over before the tunnels were up")
            sent, seconds = flooding.wait(120)
            now = datagrams(net.onprem)
            case.note(f"{sent} in {seconds:.1f} s, {sent / seconds:.0f} a second; daemon: "
                      f"{processor_seconds(cw) - cpu:.1f} s of processor, {(resident(cw) - memory) >> 10} KiB more; "
                      f"{now[0] - arrived[0]} datagrams read, {now[1] - arrived[1]} dropped at full buffers")
            check(now[0] + now[1] - sum(arrived) >= FLOOD, "the flood did not arrive")
            equal(sent, FLOOD, "datagrams of the flood")
            check(max(took) < 2, f"slow under the flood: {took}")
        with case.step(f"the live tunnel lost none of its {PROBE} packets a second each way, and is the same"):
            for name, end in zip(("to the LAN", "to the cloud"), load.stop()):
                case.note(f"{name}: {end['received']} received, {end['lost']} lost, longest gap {end['gap-ms']} ms")
                equal((end["lost"], end["duplicates"]), (0, 0), f"lost and doubled {name}")
            equal((cw.step(), cw.spis()), ("in-fib", before), "step and SPIs of the live tunnel")
        with case.step("nothing of the flood is left"):
            check(resident(cw) - memory < 16 << 20, f"{(resident(cw) - memory) >> 20} MiB more than before")
            check(net.swan.ike_count() == 1, net.swan.sas())
        cw.stop()
        branch.stop()


run_case("flood", main)
