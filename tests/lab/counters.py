# SPDX-License-Identifier: Apache-2.0
"""Where a packet may have gone: every counter of dropped packets between one host and another, before and after.

    before = counters.read(namespaces, {"causewayd": row of the tunnel})
    grown = counters.grown(before, counters.read(...))     # {"onprem wan0 rx drop": 3, "azure udp port 4500": 12, ...}

Two kinds: a full queue (of an interface, a socket, a processor), which is what a machine does that gives somebody no time;
and all others, which mean that somebody refused the packet.
"""
import ctypes
import os
import socket

from lab.lab import LabError

_FILES = [f"/proc/net/{name}" for name in
          ("dev", "snmp", "udp", "udp6", "raw", "raw6", "xfrm_stat")]
_DEV = {"rx errs": 2, "rx drop": 3, "rx fifo": 4, "tx errs": 10, "tx drop": 11, "tx fifo": 12}
_QUEUES = ("rx drop", "tx drop", "rx fifo", "tx fifo", "RcvbufErrors", "SndbufErrors", "MemErrors", "softnet", " queue")
_SNMP = {"Udp:": ("InErrors", "RcvbufErrors", "SndbufErrors", "InCsumErrors", "MemErrors"),
         "Ip:": ("InHdrErrors", "InAddrErrors", "InDiscards", "OutDiscards", "OutNoRoutes", "ReasmFails", "FragFails")}
_PIDFD_GETFD = 438  # of every architecture
_LIBC = ctypes.CDLL(None, use_errno=True)


def _dev(short, line):
    name, _, values = line.partition(":")
    values = values.split()
    return {f"{short} {name.strip()} {what}": int(values[i]) for what, i in _DEV.items()} if len(values) > 12 else {}


def _sockets(short, kind, line):
    """Sockets by their port, for a port says whose it is: 500 and 4500 the daemon's, above 5000 the load's."""
    words = line.split()
    if not words or not words[0].rstrip(":").isdigit():
        return {}
    return {f"{short} {kind.rstrip('6')} port {int(words[1].rpartition(':')[2], 16)} queue": int(words[-1])}


def _of_namespace(ns):
    found, names = {}, {}
    for row in ns.run("grep", "-sH", "", *_FILES, check=False).stdout.splitlines():
        path, _, line = row.partition(":")
        kind, words = path.rsplit("/", 1)[1], line.split()
        if kind == "dev":
            found.update(_dev(ns.short, line))
        elif kind == "snmp" and words[0] in _SNMP and not words[1].lstrip("-").isdigit():
            names[words[0]] = words
        elif kind == "snmp" and words[0] in _SNMP:
            found.update({f"{ns.short} {words[0]} {n}": int(v) for n, v in zip(names[words[0]], words) if n in _SNMP[words[0]]})
        elif kind == "xfrm_stat":
            found[f"{ns.short} xfrm {words[0]}"] = int(words[1])
        elif kind in ("udp", "udp6", "raw", "raw6"):
            for name, count in _sockets(ns.short, kind, line).items():
                found[name] = found.get(name, 0) + count
    return found


def read(namespaces, rows):
    """All of them, by name. rows: what our daemons say of their tunnels, by the daemon's name."""
    found = {}
    for ns in namespaces:
        found.update(_of_namespace(ns))
    with open("/proc/net/softnet_stat", encoding="utf-8") as f:
        found["softnet"] = sum(int(line.split()[1], 16) for line in f)
    for name, row in rows.items():
        found.update({f"{name} {d['name']}": d["count"] for d in row.get("drop") or row.get("drops") or []})
    return found


def grown(before, after):
    return {k: v - before.get(k, 0) for k, v in after.items() if v > before.get(k, 0)}


def full_queues(found):
    """Those of them that mean a full queue."""
    return {k: v for k, v in found.items() if k.endswith(_QUEUES)}


def of_plane(found, daemon):
    """What that daemon's data plane has refused. A full queue is no refusal, and outside of the selectors is what an interface
    of strongSwan's says by itself (neighbour discovery)."""
    return {k: v for k, v in found.items() if k.startswith(f"{daemon} ") and not k.endswith((*_QUEUES, " selector"))}


def widen(process, port, size):
    """Gives another program's UDP sockets of that port a receive buffer of `size` bytes, without the program's doing: a
    descriptor of the same socket is taken from it (pidfd_getfd). Returns how many there were."""
    with os.fdopen(os.pidfd_open(process.pid), "rb", closefd=True) as pidfd:
        count = 0
        for fd in os.listdir(f"/proc/{process.pid}/fd"):
            if not os.readlink(f"/proc/{process.pid}/fd/{fd}").startswith("socket:"):
                continue
            mine = _LIBC.syscall(_PIDFD_GETFD, pidfd.fileno(), int(fd), 0)
            if mine < 0:
                raise LabError(f"a socket of {process.name}: {os.strerror(ctypes.get_errno())}")
            with socket.socket(fileno=mine) as s:
                if s.type == socket.SOCK_DGRAM and s.family in (socket.AF_INET, socket.AF_INET6) and s.getsockname()[1] == port:
                    s.setsockopt(socket.SOL_SOCKET, 33, size)  # SO_RCVBUFFORCE
                    count += 1
        return count
