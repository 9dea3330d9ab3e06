#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IPv6 inside the tunnel: both families over one BGP session with IPv4 addresses, then over one with IPv6 addresses; and
IPv6 outside, between two causewayds."""
from lab import kernel, path, traffic
from lab.azure import LAN_HOST, OURS, PREFIX, VNET_HOST, Azure
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import Causeway, smallest, tunnel_of
from lab.lab import wait_for

OURS6, PREFIX6 = "2001:db8:a::/48", "2001:db8:100::/48"
LAN6, VNET6 = "2001:db8:a:1::20", "2001:db8:100:1::4"
INSIDE6, GATEWAY6 = "2001:db8:a:ff::10", "2001:db8:100:ff::254"
OUTER6, FAR_OUTER6 = "2001:db8:1::1", "2001:db8:1::2"


class Bird6(Bird):
    """BIRD with both families on one session, whose addresses are of either."""

    def __init__(self, ns, local, peer, other_hop):
        """other_hop: our next hop in the family that the session's addresses are not of."""
        super().__init__(ns, router_id="10.100.255.254", asn=65515, local=local, peers=[(peer, 65001)],
                         announce=[PREFIX], via_dev="ipsec0")
        with open(self.conf, encoding="utf-8") as f:
            text = f.read()
        six = ":" in local
        if six:  # the way to the peer is an IPv6 route then
            text = text.replace(f'  route {peer}/32 via "ipsec0";', "")
        hops = "".join(f'  route {a}/{128 if ":" in a else 32} via "ipsec0";\n' for a in (peer, INSIDE6, "10.0.0.10")
                       if ":" in a)
        text = text.replace("ipv4 { import all;", f"ipv6 {{ import all; export where proto = \"own6\"; "
                            f"next hop address {local if six else other_hop}; gateway recursive; }};\n"
                            f"  ipv4 {{ import all;{f' next hop address {other_hop};' if six else ''}")
        if six:
            text = text.replace("next hop self; gateway", "gateway")
        text += f"""
protocol kernel kernel6 {{ ipv6 {{ import none; export where source = RTS_BGP; }}; }}
protocol direct direct6 {{ ipv6; }}
protocol static own6 {{ ipv6;
  route {PREFIX6} blackhole;
}}
protocol static on_link6 {{ ipv6;
{hops}}}
"""
        if six:
            text += 'protocol static on_link4 { ipv4;\n  route 10.0.0.10/32 via "ipsec0";\n}\n'
        self.lab.write(f"{self.name}.conf", text)


def add_ipv6(net):
    for ns, dev, address in ((net.onprem, "lan0", "2001:db8:a:1::1/64"), (net.lan, "eth0", f"{LAN6}/64"),
                             (net.azure, "vnet0", "2001:db8:100:1::1/64"), (net.vnet, "eth0", f"{VNET6}/64"),
                             (net.azure, "lo", f"{GATEWAY6}/128")):
        ns.ip("addr", "add", address, "dev", dev, "nodad")
    net.lan.ip("route", "add", "default", "via", "2001:db8:a:1::1")
    net.vnet.ip("route", "add", "default", "via", "2001:db8:100:1::1")


def route6(ns, prefix):
    return next((r for r in kernel.routes(ns, family="-6") if r["dst"] == prefix), None)


def both_families(case, net, cw):
    interface = cw.tunnel()["interface"]
    with case.step("prefixes of both families in the kernel, by the tunnel"):
        for prefix, find in ((PREFIX, kernel.route), (PREFIX6, route6)):
            wait_for(f"{prefix} in the kernel", lambda p=prefix, f=find: f(net.onprem, p), 10)
            equal(kernel.devices(net.onprem, find(net.onprem, prefix)), [interface], prefix)
        rows = {r["prefix"]: r for r in cw.json("bgp", "routes")["route"]}
        check(rows[PREFIX6]["best"] and rows[PREFIX6]["in-fib"], f"bgp routes: {rows[PREFIX6]}")
        fib = {r["prefix"]: r for r in cw.json("fib", "show")["route"]}
        equal((fib[PREFIX6]["in-kernel"], fib[PREFIX6]["nexthop"][0]["interface"]), (True, interface), "fib show")
    with case.step("ping of both families, both ways"):
        for ns, target in ((net.lan, VNET_HOST), (net.lan, VNET6), (net.vnet, LAN_HOST), (net.vnet, LAN6)):
            wait_for(f"ping {target}", lambda n=ns, t=target: traffic.ping(n, t, count=1), 10)
            check(traffic.ping(ns, target, count=3), f"ping {target}")
        check(traffic.ping(net.lan, VNET6, size=1200), "ping with 1200 octets")


def inside(case, over_ipv6):
    with case.lab(f"ipv6-inside-{6 if over_ipv6 else 4}") as lab:
        net = Azure(lab)
        add_ipv6(net)
        net.start_swan(local_ts="0.0.0.0/0,::/0", remote_ts="0.0.0.0/0,::/0", routes=("10.0.0.10/32", f"{INSIDE6}/128"))

        def change(config):
            config["causeway:connector"]["announce"].append(OURS6)
            tunnel = tunnel_of(config)
            tunnel["inside-address"].append(f"{INSIDE6}/128")
            if over_ipv6:
                tunnel["bgp"].update({"local-address": INSIDE6, "peer-address": GATEWAY6})
        ends = (GATEWAY6, INSIDE6, "10.100.255.254") if over_ipv6 else ("10.100.255.254", "10.0.0.10", GATEWAY6)
        net.bgp = Bird6(net.azure, *ends).start()
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=change).start()
        with case.step(f"in-fib by a BGP session over {'IPv6' if over_ipv6 else 'IPv4'}"):
            cw.wait_step("in-fib")
            wait_for("the size that passes", lambda: cw.tunnel()["mtu-probe"] == "known", 10)
            equal(cw.tunnel()["mtu-probed"], cw.tunnel()["mtu"], "what passes")
            equal(cw.peer("azure-hq/t1")["address"], ends[0], "BGP peer")
            for prefix in (OURS, OURS6):
                wait_for(f"{prefix} at the gateway", lambda p=prefix: net.bgp.as_path(p) == [65001], 10)
        both_families(case, net, cw)
        with case.step("tunnel down withdraws both; up brings both back"):
            cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
            equal((kernel.route(net.onprem, PREFIX), route6(net.onprem, PREFIX6)), (None, None), "routes")
            cw.cli("tunnel", "up", "azure-hq/t1", "--timeout", "30")
            wait_for("both", lambda: kernel.route(net.onprem, PREFIX) and route6(net.onprem, PREFIX6), 10)
        path.ends_clean(case, net, cw, before)


def gateway6(net):
    """The far causewayd, reached by IPv6."""
    far = Causeway(net.azure, "gateway")
    config = smallest(far.secret())
    config["causeway:connector"].update({"as": 65515, "router-id": "10.100.255.254", "announce": [PREFIX, PREFIX6]})
    config["causeway:connector"]["site"][0].update({"name": "hq", "profile": "generic-ikev2"})
    tunnel_of(config).update({
        "role": "respond", "local-address": FAR_OUTER6, "remote-address": [OUTER6],
        "inside-address": ["10.100.255.254/32", f"{GATEWAY6}/128"],
        "bgp": {"local-address": GATEWAY6, "peer-address": INSIDE6, "peer-as": 65001}})
    far.configure(config)
    return far


def outside(case, forced, local, encapsulated):
    """local: whether local-address says where we send from. Without it we can't deny a NAT in the first message, so ESP
    goes in UDP then."""
    text = f"forced encapsulation {forced}, local-address {'given' if local else 'left out'}"
    with case.lab("ipv6-outside") as lab:
        net = Azure(lab)
        add_ipv6(net)
        net.azure.ip("addr", "del", f"{GATEWAY6}/128", "dev", "lo")
        net.azure.ip("addr", "del", "10.100.255.254/32", "dev", "lo")
        net.onprem.ip("addr", "add", f"{OUTER6}/64", "dev", "wan0", "nodad")
        net.azure.ip("addr", "add", f"{FAR_OUTER6}/64", "dev", "wan0", "nodad")

        def change(config):
            config["causeway:connector"]["announce"].append(OURS6)
            tunnel = tunnel_of(config)
            tunnel.update({"remote-address": [FAR_OUTER6], "force-encapsulation": forced,
                           "inside-address": ["10.0.0.10/32", f"{INSIDE6}/128"]})
            tunnel["local-address"] = OUTER6
            if not local:
                del tunnel["local-address"]
            tunnel["bgp"].update({"local-address": INSIDE6, "peer-address": GATEWAY6})
        before = kernel.snapshot(net.onprem), kernel.snapshot(net.azure)
        cw, far = net.causeway(change=change), gateway6(net)
        config = far.config
        tunnel_of(config)["force-encapsulation"] = forced
        far.configure(config)
        far.start()
        cw.start()
        with case.step(f"outside by IPv6, {text}: in-fib on both sides"):
            cw.wait_step("in-fib")
            far.wait_step("in-fib", "hq/t1")
            row, theirs = cw.tunnel(), far.tunnel("hq/t1")
            equal((row["local"], row["remote"]), (OUTER6, FAR_OUTER6), "addresses")
            equal((row["encapsulated"], theirs["encapsulated"]), (encapsulated, encapsulated), "encapsulated")
        both_families(case, net, cw)
        with case.step("both end clean"):
            far.stop()
            cw.stop()
            for ns, was in zip((net.onprem, net.azure), before):
                equal(kernel.difference(was, kernel.snapshot(ns)), [], f"the kernel of {ns.short}")


def main(case):
    inside(case, over_ipv6=False)
    inside(case, over_ipv6=True)
    outside(case, forced=True, local=False, encapsulated=True)
    outside(case, forced=False, local=True, encapsulated=False)
    outside(case, forced=False, local=False, encapsulated=True)


run_case("ipv6", main)
