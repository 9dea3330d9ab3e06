# SPDX-License-Identifier: Apache-2.0
"""BGP speakers of others as one kind of thing, for the tables of tests/interop/bgp_peers.py: each has one session, with us,
over IPv4 or IPv6, for the family of its addresses. The classes are with their daemons (bird.py, frr.py, gobgp.py,
openbgpd.py, exabgp.py)."""
import ipaddress
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """What it announces; communities are "65010:1", large ones "4200000001:1:2"."""
    prefix: str
    med: int = 0
    communities: tuple = ()
    large: tuple = ()


@dataclass(frozen=True)
class Seen:
    """What it has learned of a prefix."""
    as_path: tuple
    communities: frozenset
    large: frozenset
    med: int = 0


@dataclass(frozen=True)
class Marks:
    """What a route that it has learned carries of its way: ORIGINATOR_ID and CLUSTER_LIST (RFC 4456), OTC (RFC 9234)."""
    originator: str = None
    clusters: tuple = ()
    otc: int = None


@dataclass(frozen=True)
class Session:
    """Its end of the session."""
    asn: int
    router_id: str
    local: str
    peer: str
    peer_as: int
    passive: bool
    hold: int = 90

    @property
    def six(self):
        return ipaddress.ip_address(self.local).version == 6

    @property
    def family(self):
        return "ipv6" if self.six else "ipv4"


class AskedDaemon:
    """A daemon run directly, and asked by a command line that speaks JSON: ctl() is the subclass's, as configure() and start()."""

    def __init__(self, ns, name, text):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.process = None
        self.configure(text)

    def json(self, *args):
        out = self.ctl("-j", *args, check=False).stdout
        try:
            return json.loads(out) if out.strip() else {}
        except json.JSONDecodeError:
            return {}

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.stop()


class Router:
    """One speaker in one namespace."""
    says_why = True   # it can send a shutdown communication (RFC 9003)
    hears_why = True  # it shows ours
    resends = True    # asked for its routes again, it sends them
    asks = True       # its administrator can have it ask for our routes again (RFC 2918)

    def __init__(self, ns, name, session):
        self.ns, self.lab, self.name, self.s = ns, ns.lab, name, session

    def start(self):
        """Starts it, without routes."""
        raise NotImplementedError

    def established(self):
        raise NotImplementedError

    def announce(self, route):
        raise NotImplementedError

    def withdraw(self, prefix):
        raise NotImplementedError

    def seen(self, prefix):
        """A Seen, or None."""
        raise NotImplementedError

    def marks(self, prefix):
        """The Marks of the route that seen() sees, or None."""
        raise NotImplementedError

    def refresh(self):
        """Asks us for our routes again (RFC 2918)."""
        raise NotImplementedError

    def down(self, text):
        """Ends the session administratively, with this text where it can."""
        raise NotImplementedError

    def up(self):
        raise NotImplementedError

    def wake(self):
        """Has it try at once, where it would wait long after the other end has closed the session."""

    def told(self, text):
        """Whether it shows this text of ours; where hears_why."""
        raise NotImplementedError

    def kill(self):
        """At once, without a word to the peer; start() may follow."""
        raise NotImplementedError
