# SPDX-License-Identifier: Apache-2.0
"""Rekeys one after the other, begun by one end and awaited at both: the next begins when both have one pair, the same."""
import time

from lab import api
from lab.case import equal
from lab.lab import wait_for

PATIENCE = 30  # seconds for one


def _logged(cw, text):
    return sum(text in line for _, line in list(cw.process.lines))


class Ours:
    """A tunnel of a causewayd."""

    def __init__(self, cw, name="azure-hq/t1"):
        self.cw, self.name = cw, name

    def begun(self, what):
        """How many it has begun, by its log."""
        return _logged(self.cw, f"{what} SA rekeyed by us")

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


class Theirs:
    """The connection of a strongSwan; cw: the causewayd at the other end."""

    def __init__(self, swan, cw):
        self.swan, self.cw = swan, cw

    def begun(self, what):
        return _logged(self.cw, f"{what} SA rekeyed by the peer")

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
    out before the next comes can't tell what each was like."""

    def __init__(self, a, b, pace=0.04):
        self.a, self.b, self.pace = a, b, pace

    def child(self):
        """The one child that both ends have, or None."""
        a = self.a.pairs()
        return a[0] if len(a) == 1 and self.b.pairs() == [a[0][::-1]] else None

    def ike(self):
        a = self.a.ikes()
        return a[0] if len(a) == 1 and self.b.ikes() == a else None

    def settle(self):
        for what, one in (("child", self.child), ("IKE", self.ike)):
            wait_for(f"one {what} SA, the same at both ends", one, PATIENCE, 0.02)

    def children(self, end, count):
        """`count` child rekeys begun by that end."""
        self._rekeys("child", end, end.child, self.child, count, self.pace)

    def ikes(self, end, count):
        self._rekeys("IKE", end, end.ike, self.ike, count, 3 * self.pace)

    def _rekeys(self, what, end, start, one, count, pace):
        self.settle()
        old, before = one(), end.begun(what)
        for number in range(count):
            due = time.monotonic() + pace
            start()
            wait_for(f"a new {what} SA, alone, after rekey {number + 1}", lambda o=old: one() not in (None, o), PATIENCE, 0.01)
            old = wait_for(f"one {what} SA, the same at both ends", one, PATIENCE, 0.01)
            time.sleep(max(0, due - time.monotonic()))
        self.settle()
        wait_for("the log of the last one", lambda: end.begun(what) - before >= count, PATIENCE, 0.02)
        equal(end.begun(what) - before, count, f"{what} rekeys begun by this end")
