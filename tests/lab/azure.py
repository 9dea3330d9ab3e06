# SPDX-License-Identifier: Apache-2.0
"""The usual picture:

    lan 10.0.1.20 -- 10.0.1.1 onprem 192.0.2.1 ==== 192.0.2.2 azure 10.100.1.1 -- 10.100.1.4 vnet
                               causewayd                 strongSwan + BIRD/FRR
"""
from lab.bird import Bird
from lab.causeway import Causeway, smallest
from lab.frr import Frr
from lab.strongswan import StrongSwan

PREFIX = "10.100.0.0/16"
OURS = "10.0.0.0/16"
LAN_HOST, VNET_HOST = "10.0.1.20", "10.100.1.4"


class Azure:
    """Namespaces of both sides; gateway() and causeway() put the daemons in."""

    def __init__(self, lab, hosts=True):
        self.lab = lab
        self.onprem = lab.namespace("onprem")
        self.azure = lab.namespace("azure")
        lab.link(self.onprem, "wan0", "192.0.2.1/24", self.azure, "wan0", "192.0.2.2/24")
        self.onprem.forward()
        self.azure.forward()
        self.azure.ip("addr", "add", "10.100.255.254/32", "dev", "lo")
        self.lan = self.vnet = None
        self.swan = self.bgp = None
        if hosts:
            self.lan = lab.namespace("lan")
            lab.link(self.onprem, "lan0", "10.0.1.1/24", self.lan, "eth0", f"{LAN_HOST}/24")
            self.lan.ip("route", "add", "default", "via", "10.0.1.1")
            self.vnet = lab.namespace("vnet")
            lab.link(self.azure, "vnet0", "10.100.1.1/24", self.vnet, "eth0", f"{VNET_HOST}/24")
            self.vnet.ip("route", "add", "default", "via", "10.100.1.1")

    def start_swan(self, **options):
        self.swan = StrongSwan(self.azure, **options).start()
        return self.swan

    def start_bird(self, announce=(PREFIX,), **options):
        self.bgp = Bird(self.azure, router_id="10.100.255.254", asn=65515, local="10.100.255.254",
                        peers=[("10.0.0.10", 65001)], announce=announce, via_dev="ipsec0", **options).start()
        return self.bgp

    def start_frr(self, announce=(PREFIX,), **options):
        self.bgp = Frr(self.azure, router_id="10.100.255.254", asn=65515, local="10.100.255.254",
                       peers=[("10.0.0.10", 65001)], announce=announce, **options).start()
        return self.bgp

    def causeway(self, name="causewayd", change=None, release=False):
        """Not started yet. change(config) may alter the smallest configuration."""
        c = Causeway(self.onprem, name, release=release)
        config = smallest(c.secret())
        if change:
            change(config)
        c.configure(config)
        return c
