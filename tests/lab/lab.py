# SPDX-License-Identifier: Apache-2.0
"""A lab: namespaces, veth pairs and processes with one life.

Invariants:
- Every namespace is called cwt-PID-XXXX-NAME, so any number of labs run side by side, and what a killed lab left
  behind is recognised by its dead PID and swept by the next one.
- Interfaces exist only inside these namespaces: the link command creates both ends there at once.
- Processes are children, ended by their own pid, and die with the test program (PR_SET_PDEATHSIG).
- Files live in one temporary directory; it is kept when the test fails and CW_LAB_KEEP is set.
"""
import atexit
import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class LabError(Exception):
    """Something in the lab did not happen; the text says what was awaited and what was seen."""


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(argv, check=True, timeout=60, **kw):
    """A command to its end; its output as text. LabError with that output when it fails."""
    try:
        done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, timeout=timeout,
                              check=False, stdin=subprocess.DEVNULL, **kw)
    except subprocess.TimeoutExpired as e:
        raise LabError(f"{' '.join(map(str, argv))}: no end after {timeout} s") from e
    if check and done.returncode:
        raise LabError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_for(what, predicate, timeout=10, interval=0.05, alive=()):
    """Polls until predicate() is true and returns its value. Ends early when one of `alive` (processes) is dead."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        for p in alive:
            if p.returncode() is not None:
                raise LabError(f"waiting for {what}: {p.name} ended with {p.returncode()}")
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout} s for {what}")
        time.sleep(interval)


class Process:
    """A child in a namespace. Its output is kept line by line with the time (time.monotonic()) of its arrival."""

    def __init__(self, name, argv, log_path, env=None):
        self.name = name
        self.log_path = log_path
        self.lines = []
        full = dict(os.environ)
        full.update(env or {})
        # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
        self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, env=full, preexec_fn=_die_with_parent, close_fds=True)
        self.pid = self.popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with open(self.log_path, "ab") as log:
            for raw in self.popen.stdout:
                self.lines.append((time.monotonic(), raw.decode("utf-8", "replace").rstrip("\n")))
                log.write(raw)
                log.flush()

    def returncode(self):
        return self.popen.poll()

    def output(self):
        return "\n".join(line for _, line in list(self.lines))

    def signal(self, number):
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def wait(self, timeout):
        try:
            rc = self.popen.wait(timeout)
        except subprocess.TimeoutExpired as e:
            raise LabError(f"{self.name} (pid {self.pid}) still runs after {timeout} s") from e
        self._reader.join(5)
        return rc

    def stop(self, timeout=10):
        """SIGTERM, and SIGKILL for one that doesn't listen. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except LabError:
            self.signal(signal.SIGKILL)
            return self.wait(timeout)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)


class Namespace:
    """A network namespace of the lab. Names of its interfaces are whatever the test likes: they meet no others."""

    def __init__(self, lab, short):
        self.lab = lab
        self.short = short
        self.name = f"{lab.prefix}-{short}"
        run(["ip", "netns", "add", self.name])
        self.ip("link", "set", "lo", "up")

    def __str__(self):
        return self.name

    def ip(self, *args, check=True):
        return run(["ip", "-n", self.name, *args], check=check).stdout

    def ip_json(self, *args, check=True):
        out = run(["ip", "-n", self.name, "-j", *args], check=check).stdout.strip()
        return json.loads(out) if out else []

    def run(self, *argv, check=True, timeout=60, env=None):
        full = dict(os.environ)
        full.update(env or {})
        return run(["ip", "netns", "exec", self.name, *argv], check=check, timeout=timeout, env=full)

    def spawn(self, name, *argv, env=None):
        return self.lab.spawn(name, ["ip", "netns", "exec", self.name, *argv], env)

    def sysctl(self, key, value):
        self.run("sysctl", "-qw", f"{key}={value}")

    def forward(self):
        self.sysctl("net.ipv4.ip_forward", 1)
        self.sysctl("net.ipv6.conf.all.forwarding", 1)


class Lab:
    """with Lab("name") as lab: ... ; leaving it, in any way, ends the processes and removes the namespaces."""

    _open = []

    def __init__(self, name):
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces: run it as root")
        self.name = name
        self.prefix = f"cwt-{os.getpid()}-{secrets.token_hex(2)}"
        self.dir = tempfile.mkdtemp(prefix=f"causeway-{name}-")
        os.chmod(self.dir, 0o755)
        self.namespaces = {}
        self.processes = []
        self.failed = False
        self._closed = False
        _sweep()
        Lab._open.append(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.failed = self.failed or kind is not None
        self.close()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def namespace(self, short):
        ns = Namespace(self, short)
        self.namespaces[short] = ns
        return ns

    def link(self, a, a_if, a_addr, b, b_if, b_addr, mtu=1500):
        """A veth pair between two namespaces; addresses in CIDR form, or None."""
        run(["ip", "link", "add", a_if, "netns", a.name, "type", "veth", "peer", "name", b_if, "netns", b.name])
        for ns, dev, addr in ((a, a_if, a_addr), (b, b_if, b_addr)):
            if addr:
                ns.ip("addr", "add", addr, "dev", dev)
            ns.ip("link", "set", dev, "mtu", str(mtu), "up")

    def spawn(self, name, argv, env=None):
        p = Process(name, argv, self.path(f"{name}.log"), env)
        self.processes.append(p)
        return p

    def dump(self, out=sys.stderr, tail=60):
        """Everything somebody needs who reads a failure in a log of the machine that ran it."""
        for root, _, files in os.walk(self.dir):
            for f in sorted(files):
                if f.endswith((".log", ".json")) or f.startswith("report."):
                    path = os.path.join(root, f)
                    with open(path, encoding="utf-8", errors="replace") as text:
                        lines = text.read().splitlines()
                    if lines:
                        print(f"--- {os.path.relpath(path, self.dir)} (last {min(tail, len(lines))} of {len(lines)} "
                              "lines)", *lines[-tail:], sep="\n", file=out)
        for short, ns in self.namespaces.items():
            print(f"--- {short}: addresses, routes, rules", file=out)
            for cmd in (["-br", "addr"], ["route"], ["rule"], ["nexthop"]):
                print(ns.ip(*cmd, check=False).rstrip(), file=out)

    def close(self):
        if self._closed:
            return
        self._closed = True
        for p in reversed(self.processes):
            p.signal(signal.SIGTERM)
        for p in reversed(self.processes):
            try:
                p.wait(3)
            except LabError:
                p.signal(signal.SIGKILL)
                p.wait(10)
        for ns in self.namespaces.values():
            run(["ip", "netns", "del", ns.name], check=False)
        if self.failed and os.environ.get("CW_LAB_KEEP"):
            print(f"lab files kept in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        if self in Lab._open:
            Lab._open.remove(self)

    @staticmethod
    def close_all():
        for lab in list(Lab._open):
            lab.close()


def _sweep():
    """Removes namespaces of labs whose process is gone (it was killed with -9, so it couldn't)."""
    for line in run(["ip", "netns", "list"], check=False).stdout.splitlines():
        name = line.split()[0] if line.split() else ""
        part = name.split("-")
        if len(part) >= 4 and part[0] == "cwt" and part[1].isdigit() and not os.path.exists(f"/proc/{part[1]}"):
            run(["ip", "netns", "del", name], check=False)


def _on_signal(number, _frame):
    Lab.close_all()
    sys.exit(128 + number)


atexit.register(Lab.close_all)
for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, _on_signal)
