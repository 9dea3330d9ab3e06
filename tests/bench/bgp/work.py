# SPDX-License-Identifier: Apache-2.0
"""What is done with each speaker, and measured. Times run from the first octet that a feeder writes, or from its closing
the session, to the last route in the kernel and to the last prefix at the sink."""
import statistics

from bench.bgp import late
from bench.bgp.late import Late
from bench.bgp.picture import FAR, GONE, SECOND, VIA_A, VIA_B, VIA_SECOND, Picture
from lab.lab import wait_for

SINGLES = 50
WORK = ["fill", "churn", "single", "withdraw", "failover", "ecmp", "late"]


class Measured:
    """One speaker with one size: the sessions, and the figures as they come."""

    def __init__(self, case, picture, speaker, size, patience):
        self.case, self.picture, self.speaker, self.size, self.patience = case, picture, speaker, size, patience
        self.figures = {}
        self.generation = 0
        speaker.start()
        self.sink = picture.talker("sink")
        self.sink.hear("established", 60)
        self.a = picture.talker("a")
        self.a.hear("established", 60)
        self.b = None
        self.fib = picture.fib_watch() if speaker.fib else None
        self.late = Late(picture) if speaker.late else None
        self.probe = picture.tool(picture.router, "bench_probe", speaker.asked) if speaker.asked else None

    def next_generation(self):
        self.generation += 1
        return self.generation

    def note(self, what, seconds, unit="s"):
        self.figures[what] = seconds
        shown = f"{seconds:.3f} s" if unit == "s" else f"{seconds:.3f} {unit}"
        self.case.note(f"{self.speaker.name:9} {self.size:8} {what:26} {shown}")

    def awaited(self, what, *, begin, fib=None, sink=None, quiet=False):
        """Waits for the FIB and the sink, which were told before `begin` what to await. Notes both times and the processor."""
        done = {}
        if self.fib and fib:
            done["fib"] = self.fib.hear("reached", self.patience)[0]
        if sink:
            done["sink"] = self.sink.hear("reached", self.patience)[0]
        for where, at in done.items():
            if not quiet:
                self.note(f"{what}-{where}", (at - begin) / 1e9)

    def step(self, what, act, *, fib=None, sink=None, quiet=False):
        """Tells FIB watcher and sink what to await, acts, and waits. `act` returns when it began, in ns."""
        before = self.speaker.processor()
        self.others_begin()
        if self.fib and fib:
            self.fib.say("expect", *fib)
        if sink:
            self.sink.say("expect", *sink)
        self.awaited(what, begin=act(), fib=fib, sink=sink, quiet=quiet)
        if not quiet:
            self.settle()
            self.note(f"{what}-cpu", self.speaker.processor() - before)
            self.others_end(what)

    def others_begin(self):
        if self.probe:
            self.probe.ask("worst", "worst")
        if self.late:
            self.late.begin()

    def others_end(self, what, sessions=True):
        """How long others had to wait."""
        if self.probe:
            self.note(f"{what}-answer", self.probe.ask("worst", "worst")[0] / 1e6, "ms")
        for figure in self.late.figures(what, sessions) if self.late else ():
            self.note(*figure)

    def act(self, what, act, sessions=True):
        """Of what no table shows when it is done: until the speaker rests."""
        before = self.speaker.processor()
        self.others_begin()
        act()
        self.settle()
        self.note(f"{what}-cpu", self.speaker.processor() - before)
        self.others_end(what, sessions)

    def settle(self):
        """Until the speaker rests: what it has still to do after the last route belongs to the processor's time."""
        seen = []

        def rests():
            seen.append(self.speaker.processor())
            return len(seen) > 6 and seen[-1] - seen[-7] <= 0.02
        wait_for(f"{self.speaker.name} to rest", rests, 60)

    def announce(self, feeder, nexthop, generation, prepend=0, step=1):
        return lambda: feeder.ask("sent", "announce", 0, self.size, step, generation, nexthop, prepend,
                                  timeout=self.patience)[0]

    def withdraw(self, feeder):
        return lambda: feeder.ask("sent", "withdraw", 0, self.size, 1, timeout=self.patience)[0]

    @staticmethod
    def closing(feeder):
        return lambda: feeder.ask("closed", "close")[0]

    def second_feeder(self):
        if self.b:
            self.b.ask("established", "connect")
        else:
            self.b = self.picture.talker("b")
            self.b.hear("established", 60)

    def whole(self, mask):
        return (0, self.size, 1, mask)

    # ---- the work

    def fill(self):
        g = self.next_generation()
        empty = self.speaker.peak()
        self.step("fill", self.announce(self.a, FAR["a"], g), fib=self.whole(VIA_A), sink=(g, self.size))
        self.note("peak", self.speaker.peak() / 1024, "MiB")
        self.note("peak-a-prefix", (self.speaker.peak() - empty) * 1024 / self.size, "octets")

    def churn(self):
        """Every tenth prefix with other attributes and another next hop, and back."""
        g, tenth = self.next_generation(), (self.size + 9) // 10
        self.step("churn", self.announce(self.a, SECOND, g, step=10), fib=(0, self.size, 10, VIA_SECOND), sink=(g, tenth))
        self.step("churn-back", self.announce(self.a, FAR["a"], 1, step=10), fib=(0, self.size, 10, VIA_A),
                  sink=(1, self.size), quiet=True)

    def single(self):
        """One prefix more and away again, many times."""
        times = {"new-fib": [], "new-sink": [], "gone-fib": [], "gone-sink": []}
        i, g = self.size, self.next_generation()
        for _ in range(SINGLES):
            for what, mask, generation, words in (("new", VIA_A, g, ("announce", i, i + 1, 1, g, FAR["a"], 0)),
                                                  ("gone", GONE, 0, ("withdraw", i, i + 1, 1))):
                self.sink.say("expect-one", i, generation)
                if self.fib:
                    self.fib.ask("armed", "single", i, mask)
                begin = self.a.ask("sent", *words)[0]
                if self.fib:
                    times[f"{what}-fib"].append(self.fib.hear("reached", 60)[0] - begin)
                times[f"{what}-sink"].append(self.sink.hear("reached", 60)[0] - begin)
        for what, seen in times.items():
            if seen:
                self.note(f"single-{what}", statistics.median(seen) / 1e6, "ms")
                self.note(f"single-{what}-worst", max(seen) / 1e6, "ms")

    def away(self):
        self.step("withdraw", self.withdraw(self.a), fib=self.whole(GONE), sink=(0, 0))

    def failover(self):
        """Both announce all, b with a longer path; a goes."""
        self.both(prepend=2, mask=VIA_A)
        self.note("peak-two", self.speaker.peak() / 1024, "MiB")
        self.step("failover", self.closing(self.a), fib=self.whole(VIA_B), sink=(self.generation, self.size))
        self.clear()

    def ecmp(self):
        """Both announce all alike; a goes. The sink may already have had b's."""
        self.both(prepend=0, mask=VIA_A | VIA_B)
        self.step("ecmp-loss", self.closing(self.a), fib=self.whole(VIA_B))
        self.clear()

    def both(self, prepend, mask):
        """From an empty table: a's routes, then b's."""
        self.second_feeder()
        g = self.next_generation()
        self.step("", self.announce(self.a, FAR["a"], g), fib=self.whole(VIA_A), sink=(g, self.size), quiet=True)
        self.next_generation()
        self.step("", self.announce(self.b, FAR["b"], self.generation, prepend), fib=self.whole(mask), quiet=True)
        self.settle()

    def clear(self):
        self.b.ask("closed", "close")
        self.a.ask("established", "connect")
        if self.fib:
            self.fib.ask("reached", "expect", *self.whole(GONE), timeout=self.patience)
        self.sink.ask("reached", "expect", 0, 0, timeout=self.patience)
        self.settle()

    def run(self, work):
        if {"fill", "churn", "single", "withdraw"} & set(work):
            self.fill()
            if "churn" in work:
                self.churn()
            if "single" in work:
                self.single()
            if self.late and "late" in work:
                late.policy(self)
                late.refresh(self)
            self.away()
            self.settle()
        if "failover" in work:
            self.failover()
        if "ecmp" in work and self.speaker.fib and self.speaker.ecmp:
            self.ecmp()
        if self.late and "late" in work:
            late.rebuild(self)
        return self.figures


def measure(case, kind, size, options):
    """{figure: value} of one speaker."""
    with case.lab(f"bench-{kind.name.lower()}") as lab:
        picture = Picture(lab, options.sets or max(200, min(2000, size // 50)))
        try:
            speaker = kind(picture)
            speaker.compat = options.compat
            picture.router.sysctl("net.ipv4.nexthop_compat_mode", 1 if speaker.sets_compat else options.compat)
            speaker.late = options.late and speaker.name == "Causeway"
            figures = Measured(case, picture, speaker, size, options.patience).run(options.work)
            speaker.stop()
            return figures
        finally:
            picture.close()
