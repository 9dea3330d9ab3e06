#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a clear error and loses nothing: each fault is named with file, path, value and what to do.

Three tables: files that never start, gateways that refuse, and files that SIGHUP must not let in.
"""
import json
import os
import sys

from lab import kernel, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import STALE_SESSION, Causeway, smallest, tunnel_of
from lab.lab import wait_for


def connector(config):
    return config["causeway:connector"]


def broken_json(_config):
    return '{ "causeway:connector": { "as": 65001, "router-id": "10.0.0.10",\n "announce": ["10.0.0.0/16" } }\n'


def unknown_leaf(config):
    tunnel_of(config)["remote-adress"] = ["192.0.2.9"]


def as_zero(config):
    connector(config)["as"] = 0


def peer_as_zero(config):
    tunnel_of(config)["bgp"]["peer-as"] = 0


def bad_address(config):
    tunnel_of(config)["remote-address"] = ["192.0.2.256"]


def bad_proposal(config):
    tunnel_of(config)["ike-proposal"] = ["aes256-sha256-modp512"]


def no_such_profile(config):
    connector(config)["site"][0]["profile"] = "azure-vpngateway"


def host_bits(config):
    connector(config)["announce"] = ["10.0.0.1/16"]


def long_interface(config):
    tunnel_of(config)["interface"] = "a-name-of-more-than-15"


def twice_the_same(config):
    connector(config)["site"].append(json.loads(json.dumps(connector(config)["site"][0])))


def no_secret(config):
    tunnel_of(config)["secret-file"] = "/nowhere/azure-hq.psk"


# fault, and what the message must hold beside the file's name
FILES = [
    (broken_json, ["causeway.json"]),
    (unknown_leaf, ["remote-adress", "azure-hq", "t1"]),
    (as_zero, ["/as", "0"]),
    (peer_as_zero, ["peer-as", "0", "t1"]),
    (bad_address, ["remote-address", "192.0.2.256"]),
    (bad_proposal, ["ike-proposal", "aes256-sha256-modp512"]),
    (no_such_profile, ["profile", "azure-vpngateway", "azure-vpngw"]),
    (host_bits, ["announce", "10.0.0.1/16"]),
    (long_interface, ["interface", "a-name-of-more-than-15"]),
    (twice_the_same, ["azure-hq"]),
    (no_secret, ["secret-file", "/nowhere/azure-hq.psk"]),
]


def says(text, words, what):
    missing = [w for w in words if w not in text]
    check(not missing, f"{what}: the message lacks {missing}:\n{text}")
    check("Sanitizer" not in text, f"{what}: {text}")


def bad_files(case, net):
    for fault, words in FILES:
        cw = Causeway(net.onprem, f"file-{fault.__name__.replace('_', '-')}")
        config = smallest(cw.secret())
        text = fault(config)
        cw.configure(text if text else config)
        with case.row(f"start with {fault.__name__.replace('_', ' ')}", net.lab):
            for what, done in (("causewayd", cw.run_to_end()), ("causewayd --check", cw.run_to_end("--check")),
                               ("causeway config check", cw.cli("config", "check", cw.file, check=False))):
                equal(done.returncode, 1, f"exit status of {what}\n{done.stdout}{done.stderr}")
                says(done.stderr, ["causeway.json", *words], what)
            equal(kernel.difference(net.before, kernel.snapshot(net.onprem)), [], "the kernel")
    with case.row("start with a secret file that others may read", net.lab):
        cw = Causeway(net.onprem, "file-open-secret")
        path = cw.secret(mode=0o644)
        cw.configure(smallest(path))
        done = cw.run_to_end()
        equal(done.returncode, 1, f"exit status\n{done.stderr}")
        says(done.stderr, [path, "0644", "chmod"], "causewayd")
        check("AzureSharedKey" not in done.stderr, "the message shows the secret")
    with case.row("a file that is not there", net.lab):
        cw = Causeway(net.onprem, "file-missing")
        done = cw.run_to_end()
        equal(done.returncode, 1, f"exit status\n{done.stderr}")
        says(done.stderr, [cw.file], "causewayd")
    with case.row("usage", net.lab):
        done = cw.run_to_end("--no-such-option")
        equal(done.returncode, 2, f"exit status\n{done.stderr}")


def refused(case, net, text, words, swan, change=None, expect_step=("down", "connecting", "authenticating")):
    """A gateway that refuses: the tunnel's error says why, the daemon lives and goes on trying, and heals."""
    with case.row(f"gateway refuses: {text}", net.lab):
        net.swan.configure(**swan)
        net.swan.load()
        cw = net.causeway("refused-" + "-".join(text.split()), change)
        try:
            cw.start()
            error = wait_for("the tunnel's error", cw.error, 30)
            case.note(f"{error['id']}: {error['text']}")
            says(error["text"], words, text)
            check(cw.step() in expect_step, f"step {cw.step()}")
            equal(kernel.route(net.onprem, PREFIX), None, "a route")
            net.swan.configure(**net.good)
            net.swan.load()
            cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
            cw.cli("tunnel", "up", "azure-hq/t1", "--timeout", "30")
            equal(cw.error(), None, "the error after it came up")
        finally:
            net.swan.configure(**net.good)
            net.swan.load()
            if cw.process:
                cw.stop()
            wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def refused_selectors(case, net):
    with case.row("gateway refuses: the selectors", net.lab):
        conf = f"{net.swan.dir}/swanctl/swanctl.conf"
        with open(conf, encoding="utf-8") as f:
            good = f.read()
        # a connection without a child: whatever is asked for, the answer is TS_UNACCEPTABLE
        start, end = good.index("  children {"), good.index("  } }\n} }") + len("  } }\n")
        net.lab.write("charon/swanctl/swanctl.conf", good[:start] + good[end:])
        net.swan.load()
        cw = net.causeway("refused-selectors").start()
        try:
            error = wait_for("the tunnel's error", cw.error, 30)
            case.note(f"{error['id']}: {error['text']}")
            says(error["text"].lower(), ["selector"], "refused selectors")
            equal(kernel.route(net.onprem, PREFIX), None, "a route")
        finally:
            net.lab.write("charon/swanctl/swanctl.conf", good)
            net.swan.load()
            cw.stop()
            wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def narrowed(case, net):
    with case.row("gateway narrows the selectors: it works within them", net.lab):
        net.swan.configure(local_ts="10.100.0.0/16", remote_ts="10.0.0.0/16")
        net.swan.load()
        cw = net.causeway("narrowed").start()
        try:
            cw.wait_step("in-fib", timeout=30)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
            shown = json.dumps(cw.json("tunnel", "show", "azure-hq/t1"))
            says(shown, ["10.100.0.0/16", "10.0.0.0/16"], "`tunnel show`")
        finally:
            net.swan.configure(**net.good)
            net.swan.load()
            cw.stop()


def taken(case, net):
    """What we need is somebody else's."""
    with case.row("inside address held by a foreign interface", net.lab):
        net.onprem.ip("addr", "add", "10.0.0.10/32", "dev", "lan0")
        cw = net.causeway("taken-inside")
        cw.spawn()
        try:
            def named():
                if cw.process.returncode() is not None:
                    return cw.process.output()
                return cw.answers() and (cw.error() or {}).get("text")
            text = wait_for("the fault to be named", named, 20)
            says(text, ["10.0.0.10", "lan0"], "inside address")
            check("10.0.0.10" in net.onprem.ip("addr", "show", "dev", "lan0"), "the foreign address is gone")
        finally:
            cw.process.stop()
            cw.check_reports()
            check("10.0.0.10" in net.onprem.ip("addr", "show", "dev", "lan0"), "the foreign address is gone")
            net.onprem.ip("addr", "del", "10.0.0.10/32", "dev", "lan0")
    for port in (500, 4500):
        with case.row(f"UDP port {port} in use", net.lab):
            holder = net.onprem.spawn(f"holder-{port}", sys.executable, "-c",
                                      "import socket, signal\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                                      f"s.bind(('0.0.0.0', {port}))\nprint('held', flush=True)\nsignal.pause()")
            wait_for("the port's holder", lambda p=holder: "held" in p.output(), 10)
            cw = net.causeway(f"taken-{port}")
            cw.spawn()

            def named(c=cw):
                if c.process.returncode() is not None:
                    return c.process.output()
                return c.answers() and (c.error() or {}).get("text")
            try:
                says(wait_for("the fault to be named", named, 20), [str(port), "in use"], "port")
            finally:
                cw.process.stop()
                cw.check_reports()
                holder.stop()
    with case.row("API socket in use: the second one ends with 1, the first lives", net.lab):
        first = net.causeway("first").start()
        second = Causeway(net.lab.namespace("other"), "second")
        second.configure({"causeway:connector": {}})
        second.socket = first.socket
        done = second.run_to_end()
        equal(done.returncode, 1, f"exit status\n{done.stderr}")
        says(done.stderr, [first.socket, "another daemon"], "causewayd")
        first.wait_step("in-fib", timeout=30)
        first.stop()
        with case.step("a socket file that nobody answers on is replaced"):
            first.start()
            first.kill()
            check(os.path.exists(first.socket), "kill -9 took the socket file away")
            first.start()
            first.stop()
            check(not os.path.exists(first.socket), "the socket file is left over")


def bad_reload(case, net):
    cw = net.causeway("reload").start()
    cw.wait_step("in-fib", timeout=STALE_SESSION)  # one was killed above
    spis, before = cw.spis(), kernel.snapshot(net.onprem)
    good = cw.json("config", "show")
    routes = kernel.RouteMonitor(net.onprem)
    for fault, words in FILES:
        with case.row(f"SIGHUP with {fault.__name__.replace('_', ' ')}: the running configuration stays", net.lab):
            config = smallest(cw.secret())
            text = fault(config)
            seen = len(cw.process.output())
            cw.configure(text if text else config)
            cw.reload()
            wait_for("the fault in the log", lambda n=seen, w=words: all(x in cw.process.output()[n:] for x in w), 10)
            says(cw.process.output()[seen:], ["causeway.json", *words], "log")
            equal(cw.spis(), spis, "SPIs")
            equal(cw.step(), "in-fib", "step")
            equal(cw.json("config", "show"), good, "`config show`")
            equal(routes.changes(), [], "routes changed")
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")
    with case.row("SIGHUP with the good file again", net.lab):
        cw.configure(smallest(cw.secret()))
        cw.reload()
        check(traffic.ping(net.lan, VNET_HOST, count=3), "ping")
        equal(cw.spis(), spis, "SPIs")
    cw.stop()


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        net.good = dict(net.swan.opt)
        net.before = kernel.snapshot(net.onprem)
        bad_files(case, net)
        refused(case, net, "wrong key", ["secret-file", "azure-hq.psk"], {"psk": "not the key"})
        refused(case, net, "no common IKE proposal", ["az network", "DHGroup14", "AES256"],
                {"ike": "aes256-sha256-modp1024"})
        refused(case, net, "no common ESP proposal", ["ESP", "aes256-sha256"], {"esp": "aes192-sha1"},
                expect_step=("down", "connecting", "authenticating", "child"))
        refused_selectors(case, net)
        narrowed(case, net)
        taken(case, net)
        bad_reload(case, net)
        with case.step("nothing is left in the kernel"):
            equal(kernel.difference(net.before, kernel.snapshot(net.onprem)), [], "the kernel before and after")


run_case("bad_input", main)
