# SPDX-License-Identifier: Apache-2.0
"""Rekeys one after the other, begun by one end and awaited at both: the next begins when both have one pair, the same."""
import time

from lab import api
from lab.case import equal
from lab.lab import wait_for

PATIENCE = 30  # seconds for one


class _End:
    """One end; what it begins is read in the log of a causewayd, which costs nothing while packets flow."""

    def __init__(self, cw, words):
        self.cw, self.words = cw, words

    def mark(self):
        return len(self.cw.process.lines)

    def begun(self, what, mark):
        """How many rekeys of that kind this end has begun since then."""
        return sum(f"{what} SA rekeyed by {self.words} " in line for _, line in self.cw.process.lines[mark:])


class Ours(_End):
    """A tunnel of a causewayd."""

    def __init__(self, cw, name="azure-hq/t1"):
        super().__init__(cw, "us")
        self.name = name

    def child(self):
        api.rekey(self.cw, self.name)

    def ike(self):
        api.rekey_ike(self.cw, self.name)

    def pairs(self):
        """(SPI in, SPI out) of each child."""
        return api.spis(api.tunnel(self.cw, self.name))

    def ikes(self):
        """The initiator's SPI of each IKE SA."""
        found = api.tunnel(self.cw, self.name)["ike"]
        return [int(found["spi-i"], 16)] if found else []


class Theirs(_End):
    """The connection of a strongSwan; cw: the causewayd at the other end."""

    def __init__(self, swan, cw):
        super().__init__(cw, "the peer")
        self.swan = swan

    def child(self):
        self.swan.vici("rekey", child="any")

    def ike(self):
        self.swan.vici("rekey", ike="gw")

    def pairs(self):
        return sorted((int(c["spi-in"], 16), int(c["spi-out"], 16)) for sa in self.swan.listed()
                      for c in sa["child-sas"].values() if c["state"] == "INSTALLED")

    def ikes(self):
        """Those that are about to go, too."""
        return [int(sa["initiator-spi"], 16) for sa in self.swan.listed()]


class Pair:
    """Both ends of one tunnel. pace: seconds from one rekey to the next, at least; a daemon that has hardly time to take one
    out before the next comes can't tell what each was like. interval: between two looks. each: look at both ends after each
    child rekey too, not only in the end (what that costs matters on an emulated CPU)."""

    def __init__(self, a, b, pace=0.04, interval=0.01, each=True):
        self.a, self.b, self.pace, self.interval, self.each = a, b, pace, interval, each

    def child(self):
        """The one child that both ends have, or None."""
        a = self.a.pairs()
        return a[0] if len(a) == 1 and self.b.pairs() == [a[0][::-1]] else None

    def ike(self):
        a = self.a.ikes()
        return a[0] if len(a) == 1 and self.b.ikes() == a else None

    def settle(self):
        for what, one in (("child", self.child), ("IKE", self.ike)):
            wait_for(f"one {what} SA, the same at both ends", one, PATIENCE, 2 * self.interval)

    def children(self, end, count):
        """`count` child rekeys begun by that end."""
        self._rekeys("child", end, end.child, self.child, count, self.pace)

    def ikes(self, end, count):
        self._rekeys("IKE", end, end.ike, self.ike, count, 3 * self.pace)

    def _rekeys(self, what, end, start, one, count, pace):
        self.settle()
        first = end.mark()
        for number in range(count):
            due, mark = time.monotonic() + pace, end.mark()
            start()
            wait_for(f"{what} rekey {number + 1}", lambda m=mark: end.begun(what, m), PATIENCE, self.interval)
            if self.each or what == "IKE":
                wait_for(f"one {what} SA, the same at both ends", one, PATIENCE, self.interval)
            time.sleep(max(0, due - time.monotonic()))
        self.settle()
        equal(end.begun(what, first), count, f"{what} rekeys begun by this end")
