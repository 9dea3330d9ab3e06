# SPDX-License-Identifier: Apache-2.0
"""Something done while numbered packets go both ways between two hosts, and the judgement of what became of them.

A packet lost or doubled is a failure, and so is one that our data plane refused. A machine that gives somebody no time is
none: it shows in the counter of a full queue, or in a sender that fell behind. Then the same is done again, in the end at
lower rates, and the output says so; what is lost beyond what full queues have counted is never forgiven.
"""
import re
import time

from lab import api, counters, traffic
from lab.azure import LAN_HOST, VNET_HOST
from lab.case import check, equal
from lab.lab import LabError

SWANS_SOCKET = "azure udp port 4500 queue"
_REKEYED = re.compile(r"child SA rekeyed .*inbound [0-9a-f]+ -> ([0-9a-f]+)")
_GAP = re.compile(r" on ([0-9a-f]+), longest gap inbound (\d+) ms")


def rates(rate):
    """Twice as wanted, then what is left of it on a machine that is far too busy."""
    return [rate, rate, rate // 2, rate // 4]


class Session:
    """The BGP session of a tunnel, to see that it stays the same one: at our end and, with BIRD, at the other."""

    def __init__(self, cw, name="azure-hq/t1", bird=None):
        self.cw, self.name, self.bird = cw, name, bird
        self.before = api.peer(cw, name)
        self.at = time.monotonic()
        self.line = self._line()
        equal(self.before["state"], "Established", "BGP before")

    def _line(self):
        """With the time since when it is up."""
        return self.bird and self.bird.birdc("show", "protocols", "peer").stdout.splitlines()[-1]

    def untouched(self):
        passed = time.monotonic() - self.at
        now = api.peer(self.cw, self.name)
        equal((now["state"], now["established-count"]), ("Established", self.before["established-count"]), "BGP session")
        check(now["uptime"] >= self.before["uptime"] + int(passed) - 1,
              f"BGP: up {self.before['uptime']} s, {passed:.0f} s later {now['uptime']} s")
        equal(self._line(), self.line, "BIRD's session")


class Load:
    """Runs things under load, between the hosts of both sides. ours: {name: (causewayd, its tunnel)}. excuse: the counter
    of a socket that isn't ours, whose overflow is not held against anybody. share: of the rate must have been sent, or the
    run is no measure of that rate."""

    def __init__(self, case, net, ours, *, size=200, excuse=None, share=0.95):
        self.case, self.net, self.ours, self.size, self.excuse, self.share = case, net, ours, size, excuse, share

    def _counters(self):
        spaces = (self.net.lan, self.net.onprem, self.net.azure, self.net.vnet)
        return counters.read(spaces, {name: api.tunnel(cw, tunnel) for name, (cw, tunnel) in self.ours.items()})

    def _mark(self):
        return {name: len(cw.process.lines) for name, (cw, _) in self.ours.items()}

    def _gaps(self, marks):
        """The longest time between two packets across each child rekey since then, as our end logs it. Of those whose old SA
        is gone meanwhile: while packets flow."""
        found = {}
        for name, (cw, _) in self.ours.items():
            lines = [line for _, line in cw.process.lines[marks[name]:]]
            new = {m[1] for line in lines if (m := _REKEYED.search(line))}
            found[name] = sorted(int(m[2]) for line in lines if (m := _GAP.search(line)) and m[1] in new)
            if not any(found[name]):
                found[name] = []  # the kernel's data plane doesn't tell
        return found

    def run(self, what, rate, do, tries=None):
        """do() under `rate` packets a second each way."""
        tries = tries or rates(rate)
        for left, now in zip(range(len(tries) - 1, -1, -1), tries):
            found = self.once(what, now, do)
            if not found:
                return
            check(left, f"{what}: {found}, {len(tries)} times: this machine is too busy, or we are too slow")
            self.case.note(f"done again, at {tries[len(tries) - left]} packets/s: {found}")

    def once(self, what, rate, do):
        """None, or what shows that the machine was too busy. LabError for what must never be."""
        before, marks = self._counters(), self._mark()
        load = traffic.Load(self.net.lan, LAN_HOST, self.net.vnet, VNET_HOST, rate, size=self.size)
        began = time.monotonic()
        do()
        seconds, gaps = time.monotonic() - began, self._gaps(marks)
        ends = load.stop()
        grown = counters.grown(before, self._counters())
        self._say(what, seconds, ends, gaps)
        if grown:
            self.case.note(f"counters that grew: {grown}")
        return self._judge(ends, grown, rate)

    def _say(self, what, seconds, ends, gaps):
        for name, mine, other in zip(("to the LAN", "to the cloud"), ends, ends[::-1]):
            self.case.note(f"{what} in {seconds:.1f} s, {name}: {mine['rate']} packets/s, {mine['received']} received, "
                           f"{self._lost(mine, other)} lost {mine['missing'] or ''}, {mine['duplicates']} doubled, "
                           f"{mine['late']} late, longest gap {mine['gap-ms']} ms (at {mine['gap-at-s']} s)"
                           + (f", {other['refused']} not sent" if other["refused"] else ""))
        for name, of in gaps.items():
            if of:
                self.case.note(f"gaps inbound at {len(of)} child rekeys, {name}: median {of[len(of) // 2]} ms, longest {of[-1]} ms")

    @staticmethod
    def _lost(mine, other):
        """What the sender's own socket would not take has not been on its way."""
        return other["sent"] - other["refused"] - mine["received"]

    def _judge(self, ends, grown, rate):
        excused = grown.get(self.excuse, 0)
        queues = counters.full_queues(grown)
        sockets = {k: v for k, v in queues.items() if k.startswith(("onprem udp port", "azure udp port")) and k != self.excuse}
        lost = [self._lost(*ends), self._lost(*ends[::-1])]
        beyond = [lost[0], max(0, lost[1] - excused)]  # that socket is the cloud's
        equal([e["duplicates"] for e in ends], [0, 0], "packets that came twice")
        for name in self.ours:
            equal(counters.of_plane(grown, name), {}, f"packets that {name} has refused")
        if sum(beyond) > sum(queues.values()):
            raise LabError(f"lost {lost} packets (to the LAN, to the cloud); full queues account for {queues}, "
                           f"all counters that grew: {grown}")
        if sum(beyond) or sockets:
            return f"{lost} lost, at full queues: {queues}"
        if min(e["rate"] for e in ends) < rate * self.share:
            return f"only {[e['rate'] for e in ends]} packets/s could be sent"
        return None
