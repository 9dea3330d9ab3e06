# SPDX-License-Identifier: Apache-2.0
"""A NAT router between two ends, whose mappings and addresses change when the test says so."""

PUBLIC, NEXT_PUBLIC = "192.0.2.1", "192.0.2.7"


class Nat:
    """A router that masquerades what comes from `inner`, out of a range of ports."""

    def __init__(self, net, inner, outer, outer_address):
        """inner's and outer's interface is wan0. The two of them are linked already: that link goes."""
        self.ns = net.lab.namespace("nat")
        inner.ip("link", "del", "wan0")
        net.lab.link(inner, "wan0", "192.168.7.2/24", self.ns, "inside", "192.168.7.1/24")
        net.lab.link(self.ns, "outside", f"{PUBLIC}/24", outer, "wan0", f"{outer_address}/24")
        inner.ip("route", "replace", "192.0.2.0/24", "via", "192.168.7.1")
        self.ns.forward()
        self.lab = net.lab
        self.ports("20000-20999")

    def ports(self, span):
        rules = self.lab.write("nat.nft", f"""flush ruleset
table ip nat {{ chain out {{
  type nat hook postrouting priority srcnat;
  oifname "outside" udp dport {{ 500, 4500 }} masquerade to :{span}
  oifname "outside" masquerade
}}
}}
""")
        self.ns.run("nft", "-f", rules)

    def reboot(self, span):
        """Down and up again: no packet passes meanwhile, every mapping is lost, and new ones are of other ports."""
        for dev in ("inside", "outside"):
            self.ns.ip("link", "set", dev, "down")
        self.ports(span)
        for dev in ("inside", "outside"):
            self.ns.ip("link", "set", dev, "up")

    def forget(self, old=PUBLIC, new=PUBLIC):
        """Mappings of an address that goes are dropped by the kernel; new ones are of `new`, and of the ports asked for."""
        self.ns.ip("addr", "del", f"{old}/24", "dev", "outside")
        self.ns.ip("addr", "add", f"{new}/24", "dev", "outside")
