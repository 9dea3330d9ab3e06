#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel's data plane (run by kernel_lab), against strongSwan with the kernel's IPsec: the main job, every suite, NAT
traversal, IPv6 outside and inside, rekeys, deaths and restarts of either end, ESP that vanishes while IKE passes, what others do
to our SAs, protected prefixes, weak algorithms, and what is refused.

One boot, one strongSwan with one connection after the other: starting things is slow on an emulated CPU.
"""
import contextlib
import signal
import time

from lab import api, kernel, traffic
from lab.azure import LAN_HOST, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.kernel_swan import KernelSwan
from lab.lab import wait_for

FAR, OURS = "10.100.255.254", "10.0.0.10"
INTERVAL, TIMEOUT = 3, 20  # of liveness
FOREIGN = ["src", "203.0.113.1", "dst", "203.0.113.2", "proto", "esp", "spi", "0x4711"]

# our ESP, strongSwan's (None: the same)
SUITES = [
    ("aes128-sha256", None),
    ("aes256-sha384", None),
    ("aes256-sha512", None),
    ("aes128gcm16", None),
    ("aes256gcm16", None),
    ("aes256gcm16-esn", "aes256gcm16-esn"),
    ("aes256-sha256-esn", "aes256-sha256-esn"),
]


def static(**more):
    def change(config):
        tunnel = tunnel_of(config)
        del tunnel["bgp"]
        tunnel["static-route"] = [{"prefix": PREFIX}]
        tunnel.update(more)
        config["causeway:connector"].pop("announce")
    return change


def foreign(ns):
    """A state and a policy of somebody else's, which must survive everything."""
    ns.ip("xfrm", "state", "add", *FOREIGN, "reqid", "7", "mode", "tunnel", "aead", "rfc4106(gcm(aes))", "0x" + "11" * 20,
          "128", "if_id", "0x7")
    ns.ip("xfrm", "policy", "add", "src", "203.0.113.0/24", "dst", "203.0.114.0/24", "dir", "out", "if_id", "0x7", "tmpl",
          "src", "203.0.113.1", "dst", "203.0.113.2", "proto", "esp", "reqid", "7", "mode", "tunnel")


def only_foreign(ns):
    equal(ns.ip("xfrm", "state").count("proto esp"), 1, "states left")
    check("0x00004711" in ns.ip("xfrm", "state"), "the foreign state is gone")
    equal(ns.ip("xfrm", "policy").count("dir "), 1, "policies left")
    equal(ns.ip("link", "show", "type", "xfrm"), "", "xfrm interfaces left")


def passes(net, cw, text):
    wait_for(f"a ping {text}", lambda: traffic.ping(net.onprem, FAR, OURS, count=1), 60)
    check(traffic.ping(net.onprem, FAR, OURS, count=3, size=1200), f"pings of 1200 octets {text}")
    cw.wait_step("passing", timeout=30)


@contextlib.contextmanager
def running(net, name, change, swan=None):
    """A causewayd for some steps; strongSwan is told first. At the end there must be nothing of ours."""
    net.swan.configure(**(swan or {}))
    net.swan.load()
    cw = api.instead(net.causeway(name, change, release=True))
    cw.start(timeout=60)
    yield cw
    cw.stop(timeout=40)
    wait_for("strongSwan to be rid of the SA", lambda: not net.swan.vici_sas(), 30)
    only_foreign(net.onprem)


def main_job(case, net):
    with case.step("auto chooses the kernel; in-fib; plain ESP; traffic of hosts both ways"):
        def change(config):
            tunnel_of(config).update({"liveness-interval": INTERVAL, "liveness-timeout": TIMEOUT})
        cw = api.instead(net.causeway(change=change, release=True))
        cw.start(timeout=60)
        cw.wait_step("in-fib", timeout=90)
        t = api.tunnel(cw)
        equal((t["data-plane"], t["data-plane-note"]["id"]), ("kernel", "data-plane-auto"), "data plane")
        equal((t["nat"], t["encapsulated"]), ("none", False), "NAT and encapsulation")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)
        check(traffic.ping(net.lan, VNET_HOST, size=1300) and traffic.ping(net.vnet, LAN_HOST, size=4000), "pings of hosts")
        equal(kernel.devices(net.onprem, kernel.route(net.onprem, PREFIX)), [t["interface"]], "interface of the route")
        check("xfrm if_id 0xc5e7" in net.onprem.ip("-d", "link", "show", t["interface"]), "no xfrm interface")
        child = api.tunnel(cw)["child"][0]
        check(min(child["packets-in"], child["packets-out"], child["bytes-in"], child["bytes-out"]) > 5, f"counters {child}")
    return cw


def rekeys(case, net, cw):
    uptime = cw.peer("azure-hq/t1")["uptime"]
    for who, start in (("us", lambda: api.rekey(cw)), ("strongSwan", lambda: net.swan.vici("rekey", child="any"))):
        with case.step(f"child rekey by {who}"):
            old = api.spis(api.tunnel(cw))
            start()
            wait_for("a new child, alone", lambda o=old: len(api.spis(api.tunnel(cw))) == 1 and
                     api.spis(api.tunnel(cw)) != o, 60)
            check(traffic.ping(net.lan, VNET_HOST, count=3), f"ping after the rekey by {who}")
    for who, start in (("us", lambda: api.rekey_ike(cw)), ("strongSwan", lambda: net.swan.vici("rekey", ike="gw"))):
        with case.step(f"IKE rekey by {who}"):
            old, children = api.tunnel(cw)["ike"]["spi-i"], api.spis(api.tunnel(cw))
            start()
            wait_for("a new IKE SA", lambda o=old: (api.tunnel(cw)["ike"] or {"spi-i": o})["spi-i"] != o, 60)
            check(traffic.ping(net.lan, VNET_HOST, count=3), "ping after the IKE rekey")
            equal(api.spis(api.tunnel(cw)), children, "children")
            check(cw.peer("azure-hq/t1")["uptime"] >= uptime, "the BGP session started anew")


def no_route(net):
    return kernel.route(net.onprem, PREFIX) is None


def comes_back(case, net, cw):
    begin = time.monotonic()
    cw.wait_step("in-fib", timeout=180)
    case.note(f"in-fib again after {time.monotonic() - begin:.1f} s")
    wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)


def swallowed(case, net, cw):
    """IKE passes, ESP does not: the data plane's own watch finds it, long before BGP's hold time of 180 s."""
    with case.step("ESP vanishes while IKE passes: the route is withdrawn, with a reason"):
        wait_for("an echo that was answered", lambda: api.tunnel(cw)["mtu-probe"] == "known", 90)
        user = net.lan.spawn("user", "ping", "-n", "-q", "-i", "0.2", VNET_HOST)
        begin = time.monotonic()
        net.azure.run("nft", "-f", net.lab.write("swallow.nft", """table inet swallow {
  chain c { type filter hook prerouting priority -300; policy accept; ip protocol esp counter drop; }
}
"""))
        wait_for("the withdrawal", lambda: no_route(net), 120)
        case.note(f"withdrawn after {time.monotonic() - begin:.1f} s")
        check("path-dead" in cw.process.output(), "the log does not say why")
    with case.step("ESP passes again: so does the tunnel, by itself"):
        net.azure.run("nft", "delete", "table", "inet", "swallow")
        comes_back(case, net, cw)
        user.kill()


def gateway_dies(case, net, cw):
    with case.step("strongSwan's machine dies: the route goes when liveness fails"):
        begin = time.monotonic()
        net.swan.kill()
        for what in ("state", "policy"):
            net.azure.ip("xfrm", what, "flush")
        wait_for("the withdrawal", lambda: no_route(net), 120)
        case.note(f"withdrawn after {time.monotonic() - begin:.1f} s")
    with case.step("it is back: so is the route, by itself, with other SAs"):
        net.swan.start()
        comes_back(case, net, cw)
        equal(net.onprem.ip("xfrm", "state").count("proto esp"), 3, "states: ours and the foreign one")


def others(case, net, cw):
    with case.step("somebody flushes the policies: they are put back, the SAs stay"):
        old = api.spis(api.tunnel(cw))
        net.onprem.ip("xfrm", "policy", "flush")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)
        equal(api.spis(api.tunnel(cw)), old, "SPIs")
    with case.step("somebody flushes the SAs: we pair again"):
        net.onprem.ip("xfrm", "state", "deleteall")
        foreign_again(net.onprem)
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 60)
        check("sa-deleted" in cw.process.output(), "nothing was said of the deleted SAs")
    with case.step("somebody deletes the interface: it is made anew"):
        net.onprem.ip("link", "del", api.tunnel(cw)["interface"])
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 60)


def foreign_again(ns):
    ns.ip("xfrm", "policy", "flush")
    foreign(ns)


def killed(case, net, cw):
    with case.step("kill -9: what it leaves in the kernel goes with the next start; what is foreign stays"):
        cw.process.kill()
        check("0xc5e7" in net.onprem.ip("xfrm", "state"), "kill -9 left no state: the test tests nothing")
        cw.start(timeout=60)
        cw.wait_step("in-fib", timeout=150)
        equal(net.onprem.ip("xfrm", "state").count("proto esp"), 3, "states: ours and the foreign one")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)


def reconfigured(case, net, cw):
    with case.step("to the user plane and back, while it runs"):
        config = cw.config
        for plane, encapsulated in (("user", True), ("auto", False)):
            tunnel_of(config)["data-plane"] = plane
            cw.configure(config)
            cw.reload()
            wanted = "user" if plane == "user" else "kernel"
            wait_for(f"the data plane {wanted}", lambda w=wanted: api.tunnel(cw)["data-plane"] == w and
                     api.tunnel(cw)["step"] == "in-fib", 90, 0.3)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)
            equal(api.tunnel(cw)["encapsulated"], encapsulated, "encapsulated")
    with case.step("SIGTERM: nothing of ours is left"):
        cw.process.signal(signal.SIGTERM)
        equal(cw.process.wait(40), 0, "exit status")
        only_foreign(net.onprem)


def suites(case, net):
    for ours, theirs in SUITES:
        with case.row(f"suite {ours}", net.lab):
            with running(net, f"cw-{ours}", static(**{"esp-proposal": [ours]}), {"esp": theirs or ours}) as cw:
                cw.wait_step("child", timeout=60)
                passes(net, cw, f"with {ours}")


def weak(case, net):
    """What the kernel has of what only a legacy twin and allow-weak admit."""
    for esp, ike in (("3des-sha1", "aes256-sha1-modp1024"), ("aes128-md5", "aes256-sha1-modp1024")):
        def change(config, esp=esp, ike=ike):
            config["causeway:connector"]["site"][0]["profile"] = "generic-ikev2-legacy"
            static(**{"ike-proposal": [ike], "esp-proposal": [esp], "allow-weak": True})(config)
        with case.row(f"weak suite {esp}, by the legacy twin and allow-weak", net.lab):
            with running(net, f"cw-{esp}", change, {"ike": ike, "esp": esp}) as cw:
                cw.wait_step("child", timeout=60)
                passes(net, cw, f"with {esp}")
    net.swan.configure(ike=KernelSwan.DEFAULTS["ike"])


def encapsulated(case, net):
    with case.step("forced encapsulation: ESP in UDP 4500, opened by the kernel; a child rekey"):
        with running(net, "cw-natt", static(**{"force-encapsulation": True}), {"esp": "aes256-sha256"}) as cw:
            cw.wait_step("child", timeout=60)
            passes(net, cw, "in UDP")
            check("encap type espinudp" in net.onprem.ip("xfrm", "state"), "no encapsulation in the kernel's states")
            check(api.tunnel(cw)["encapsulated"], "not encapsulated")
            api.rekey(cw)
            passes(net, cw, "in UDP after a rekey")


def ipv6(case, net):
    with case.step("IPv6 outside, IPv4 and IPv6 inside"):
        net.onprem.ip("addr", "add", "2001:db8::1/64", "dev", "wan0", "nodad")
        net.azure.ip("addr", "add", "2001:db8::2/64", "dev", "wan0", "nodad")
        net.azure.ip("addr", "add", "fd00:b::1/128", "dev", "lo")
        net.azure.ip("route", "add", "fd00:a::/32", "dev", "ipsec0")
        change = static(**{"local-address": "2001:db8::1", "remote-address": ["2001:db8::2"],
                           "inside-address": [f"{OURS}/32", "fd00:a::1/128"],
                           "static-route": [{"prefix": PREFIX}, {"prefix": "fd00:b::/32"}]})
        with running(net, "cw-v6", change, {"local": "2001:db8::2", "remote": "2001:db8::1", "local_id": "2001:db8::2",
                                            "local_ts": "0.0.0.0/0,::/0", "remote_ts": "0.0.0.0/0,::/0"}) as cw:
            cw.wait_step("child", timeout=60)
            passes(net, cw, "over IPv6")
            check(traffic.ping(net.onprem, "fd00:b::1", "fd00:a::1", count=3), "IPv6 in IPv6")


def protected(case, net):
    """What the xfrm interface doesn't carry must not take the default route."""
    def change(config):
        static(start="manual")(config)
        config["causeway:connector"]["protect"] = [PREFIX]

    def fenced(when):
        wait_for(f"the way to be shut {when}", lambda: not net.onprem.ip("route", "get", FAR, check=False), 30)

    with case.step("protect[]: with a default route there, nothing in clear before, between and after the tunnel"):
        net.onprem.ip("route", "add", "default", "via", "192.0.2.2")
        clear = kernel.PacketMonitor(net.onprem, "wan0", f"ip and dst net {PREFIX}", name="clear")
        with running(net, "cw-protect", change) as cw:
            fenced("before the tunnel")
            senders = [ns.spawn(f"flood-{ns.short}", "ping", "-n", "-q", "-i", "0.02", FAR) for ns in (net.lan, net.onprem)]
            api.up(cw)
            cw.wait_step("child", timeout=60)
            passes(net, cw, "of a protected prefix")
            net.onprem.ip("xfrm", "policy", "flush")
            net.onprem.ip("xfrm", "state", "deleteall")
            foreign_again(net.onprem)
            passes(net, cw, "after SAs and policies were flushed")
            net.onprem.ip("link", "del", api.tunnel(cw)["interface"])
            passes(net, cw, "after the interface was deleted")
            api.down(cw)
            fenced("after the tunnel")
            for sender in senders:
                sender.kill()
            equal(clear.seen(), [], "packets in clear")
        traffic.ping(net.onprem, FAR, count=1)
        wait_for("what goes in clear without us to be seen", clear.seen, 10, 0.3)
        clear.process.stop()
        net.onprem.ip("route", "del", "default")


def refused(case, net):
    with case.step("user and kernel in one configuration: refused, with the reason"):
        def change(config):
            static(**{"data-plane": "kernel"})(config)
            second = dict(tunnel_of(config), name="t2", **{"remote-address": ["192.0.2.9"], "data-plane": "user",
                                                           "inside-address": ["10.0.0.11/32"],
                                                           "static-route": [{"prefix": "10.101.0.0/16"}]})
            config["causeway:connector"]["site"][0]["tunnel"].append(second)
        done = api.instead(net.causeway("cw-mixed", change, release=True)).run_to_end(timeout=60)
        check(done.returncode != 0 and "data-plane-mixed" in done.stderr, f"{done.returncode} {done.stderr}")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        foreign(net.onprem)
        net.swan = KernelSwan(net.azure, encap="no").start()
        net.start_bird()
        cw = main_job(case, net)
        rekeys(case, net, cw)
        swallowed(case, net, cw)
        gateway_dies(case, net, cw)
        others(case, net, cw)
        killed(case, net, cw)
        reconfigured(case, net, cw)
        net.bgp.stop()
        suites(case, net)
        weak(case, net)
        encapsulated(case, net)
        protected(case, net)
        ipv6(case, net)
        refused(case, net)


run_case("kernel_plane", main)
