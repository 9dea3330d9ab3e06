#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds of the BFD fuzz target (tests/fuzz/bfd_input_fuzz.c says what the events are): into corpus/bfd_input."""
import pathlib
import struct

OUT = pathlib.Path(__file__).parent / "corpus" / "bfd_input"
ADMIN, DOWN, INIT, UP = range(4)
SOUND = 2


def packet(who, state, flags=0, diag=0, mult=3, mine=0x01020304, yours=0, tx=50000, rx=50000, how=SOUND):
    body = struct.pack(">BBBBIIIII", 1 << 5 | diag, state << 6 | flags, mult, 24, mine, yours, tx, rx, 0)
    return bytes([5, who, how]) + body


def wait(ms):
    return bytes([0, 0, min(ms, 255)])


SEEDS = {
    "up": packet(0, DOWN) + packet(0, INIT) + wait(100) + packet(0, UP, 0x10) + wait(100) + packet(0, UP, 0x20) + wait(250),
    "all": b"".join(packet(w, DOWN) + packet(w, INIT) for w in range(3)) + wait(200),
    "demand": packet(1, DOWN) + packet(1, INIT) + packet(1, UP, 0x12) + wait(120) + bytes([2, 1, 9, 9, 4]) + packet(1, UP, 0x10),
    "admin": packet(2, DOWN) + packet(2, UP) + bytes([3, 2, 0]) + wait(255) + bytes([3, 2, 1]) + packet(2, ADMIN) + bytes([4, 2]) * 2,
    "silent": packet(0, DOWN, rx=0) + packet(0, INIT, rx=0) + packet(0, UP, 0x20, rx=0) + bytes([1, 0, 255]),
    "raw": packet(0, DOWN, how=0) + packet(0, INIT, 4, how=0) + packet(1, UP, 1, how=0) + packet(2, DOWN, mult=0, how=0),
    "poll": packet(0, DOWN) + packet(0, INIT) + packet(0, UP, 0x10) + bytes([2, 0, 200, 1, 2, 2, 0, 250, 1, 2]) +
            packet(0, UP, 0x10) + wait(200) + packet(0, UP, 0x30) + wait(200) + packet(0, UP, 0x10),
}

OUT.mkdir(parents=True, exist_ok=True)
for name, seed in SEEDS.items():
    (OUT / name).write_bytes(b"\x05" + seed)
