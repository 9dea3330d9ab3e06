# SPDX-License-Identifier: Apache-2.0
"""The benchmark's network and the programs in it.

    feeder a 172.16.1.2 -- 172.16.1.1 \\
                                      router 172.16.3.1 -- 172.16.3.2 sink
    feeder b 172.16.2.2 -- 172.16.2.1 /

Both feeders are of AS 65100, the router is AS 65001, the sink AS 65200. 172.16.1.3 is a second next hop of feeder a.
"""
import os
import queue
import signal
import subprocess
import threading
import time

from lab.causeway import release_binaries
from lab.lab import LabError, _die_with_parent

AS, FEEDER_AS, SINK_AS = 65001, 65100, 65200
ROUTER = {"a": "172.16.1.1", "b": "172.16.2.1", "sink": "172.16.3.1"}
FAR = {"a": "172.16.1.2", "b": "172.16.2.2", "sink": "172.16.3.2"}
SECOND = "172.16.1.3"
GATEWAYS = [FAR["a"], SECOND, FAR["b"]]
VIA_A, VIA_SECOND, VIA_B, GONE = 1, 2, 4, 0
HOLD = 180


class Tool:
    """One of the programs: commands in, lines with a time out."""

    def __init__(self, ns, program, *args):
        self.name = f"{program}-{ns.short}"
        self.lines = queue.Queue()
        argv = ["ip", "netns", "exec", ns.name, f"{release_binaries()}/{program}", *[str(a) for a in args]]
        # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
        self.errors = open(ns.lab.path(f"{self.name}-{id(self)}.log"), "wb")
        self.popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                      preexec_fn=_die_with_parent, close_fds=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for raw in self.popen.stdout:
            self.lines.put(raw.decode().split())
        self.lines.put(None)

    def say(self, *words):
        self.popen.stdin.write((" ".join(str(w) for w in words) + "\n").encode())
        self.popen.stdin.flush()

    def hear(self, word, timeout):
        """The numbers of the next line that begins with this word; others before it are dropped, but for errors."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty as e:
                raise LabError(f"{self.name}: no \"{word}\" within {timeout} s") from e
            if line is None or line[0] == "error":
                raise LabError(f"{self.name} instead of \"{word}\": {' '.join(line or ['it ended'])}")
            if line[0] == "closed" and word != "closed":
                raise LabError(f"{self.name}: the session was closed instead of \"{word}\"")
            if line[0] == word:
                return [int(n) for n in line[1:]]

    def ask(self, word, *words, timeout=60):
        self.say(*words)
        return self.hear(word, timeout)

    def end(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(10)
        self.errors.close()


class Picture:
    """The namespaces of one run of one speaker, and the programs around it."""

    def __init__(self, lab, sets):
        self.lab, self.sets, self.tools = lab, sets, []
        self.router = lab.namespace("router")
        self.ns = {}
        for who, far in FAR.items():
            self.ns[who] = lab.namespace(who)
            lab.link(self.router, f"to-{who}", f"{ROUTER[who]}/24", self.ns[who], "up0", f"{far}/24")
        self.ns["a"].ip("addr", "add", f"{SECOND}/24", "dev", "up0")
        self.router.forward()
        for key in ("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"):
            self.router.sysctl(key, 0)
        # Address resolution is no part of any figure.
        for who, far in [*FAR.items(), ("a", SECOND)]:
            mac = self.ns[who].ip_json("link", "show", "up0")[0]["address"]
            self.router.ip("neigh", "replace", far, "lladdr", mac, "dev", f"to-{who}", "nud", "permanent")

    def tool(self, ns, program, *args):
        tool = Tool(ns, program, *args)
        self.tools.append(tool)
        return tool

    def talker(self, who):
        return self.tool(self.ns[who], "bench_talker", FAR[who], ROUTER[who], SINK_AS if who == "sink" else FEEDER_AS,
                         self.sets, HOLD)

    def fib_watch(self):
        return self.tool(self.router, "bench_fib_watch", *GATEWAYS)

    def floor(self, count):
        done = self.router.run(f"{release_binaries()}/bench_nl_floor", count, self.sets, "to-a", FAR["a"], SECOND, timeout=300)
        return done.stdout

    def close(self):
        for tool in self.tools:
            tool.end()
        self.tools = []


def processes_below(pid):
    """The process and all its descendants."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        for task in os.listdir(f"/proc/{one}/task"):
            try:
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as f:
                    todo += [int(p) for p in f.read().split()]
            except OSError:
                pass
    return found
