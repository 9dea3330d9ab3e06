# SPDX-License-Identifier: Apache-2.0
"""A BGP speaker that sends much: `speaker.py LOCAL PEER AS COUNT` opens a session, says COUNT UPDATEs of nearly 4096 octets each
(an unknown attribute fills them) over PREFIXES prefixes, again and again other ones, then End-of-RIB, and keeps the session."""
import json
import select
import socket
import struct
import sys

PREFIXES = [f"172.16.{i}.0/24" for i in range(40)]


def _message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def _update(number, asn, local):
    filler = number.to_bytes(4, "big") * 980
    attrs = (b"\x40\x01\x01\x00" + b"\x40\x02\x06\x02\x01" + asn.to_bytes(4, "big") + b"\x40\x03\x04" + socket.inet_aton(local)
             + b"\xd0\xc8" + struct.pack("!H", len(filler)) + filler)
    prefix = bytes([24, 172, 16, number % len(PREFIXES)])
    return _message(2, struct.pack("!HH", 0, len(attrs)) + attrs + prefix)


def _speak(local, peer, asn, count):
    s = socket.create_connection((peer, 179), source_address=(local, 0))
    capabilities = b"\x41\x04" + asn.to_bytes(4, "big")
    s.sendall(_message(1, struct.pack("!BHH", 4, asn, 240) + socket.inet_aton(local) + bytes([len(capabilities) + 2, 2,
                                                                                                len(capabilities)]) + capabilities))
    s.recv(4096)  # its OPEN
    s.sendall(_message(4))
    print(json.dumps({"said": "open"}), flush=True)
    sys.stdin.readline()
    for number in range(count):
        s.sendall(_update(number, asn, local))
        while select.select([s], [], [], 0)[0] and s.recv(65536):
            pass
    s.sendall(_message(2, bytes(4)))
    print(json.dumps({"said": "all"}), flush=True)
    while True:
        if select.select([s], [], [], 20)[0] and not s.recv(65536):
            return
        s.sendall(_message(4))


if __name__ == "__main__":
    _speak(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
