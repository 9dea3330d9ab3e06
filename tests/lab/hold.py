# SPDX-License-Identifier: Apache-2.0
"""Stops one thread of a process of ours and lets the others run: what would be a race becomes a rehearsed order."""
import ctypes
import glob
import os

from lab.lab import LabError

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long
_DETACH, _SEIZE, _INTERRUPT = 17, 0x4206, 0x4207
_WALL = 0x40000000


def _ptrace(request, tid):
    if _LIBC.ptrace(request, tid, None, None) < 0:
        raise LabError(f"ptrace({request:#x}, {tid}): {os.strerror(ctypes.get_errno())}")


def thread_of(pid, name):
    """The number of the thread with this name."""
    for path in glob.glob(f"/proc/{pid}/task/*/comm"):
        with open(path, encoding="ascii") as f:
            if f.read().strip() == name:
                return int(path.split("/")[4])
    raise LabError(f"process {pid} has no thread called {name}")


class Held:
    """with Held(pid, "fib-writer"): that thread does nothing. Only for children of ours; a tracer that dies lets go."""

    def __init__(self, pid, name):
        self.tid = thread_of(pid, name)

    def __enter__(self):
        _ptrace(_SEIZE, self.tid)
        _ptrace(_INTERRUPT, self.tid)
        os.waitpid(self.tid, _WALL)
        return self

    def __exit__(self, kind, value, trace):
        _ptrace(_DETACH, self.tid)
