# SPDX-License-Identifier: Apache-2.0
"""A BMP station (RFC 7854): listens in a namespace, decodes strictly, and keeps what it was told. Run as a program it is that
station: `bmp.py ADDRESS PORT FILE` writes a JSON object a line for each message, and the stream as it came to FILE."""
import ipaddress
import json
import socket
import struct
import sys

ROUTE, STATS, DOWN, UP, INITIATION, TERMINATION = range(6)
MARKER = b"\xff" * 16


class Reader:
    """Bytes that must be there, and must all be used."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError(f"{n} bytes wanted at {self.at} of {len(self.data)}")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def left(self):
        return len(self.data) - self.at

    def end(self):
        if self.left():
            raise ValueError(f"{self.left()} bytes too many")


def bgp_message(r, kind):
    """One whole BGP message of this type: its body."""
    if r.take(16) != MARKER:
        raise ValueError("no marker")
    length, seen = r.number(2), r.number(1)
    if seen != kind:
        raise ValueError(f"BGP message of type {seen}, not {kind}")
    return Reader(r.take(length - 19))


def prefixes(r, ipv6=False):
    found = []
    while r.left():
        bits = r.number(1)
        size = 16 if ipv6 else 4
        data = r.take((bits + 7) // 8).ljust(size, b"\0")
        found.append(f"{ipaddress.ip_address(data)}/{bits}")
    return found


def as_path(r, size):
    path = []
    while r.left():
        kind, count = r.number(1), r.number(1)
        numbers = [r.number(size) for _ in range(count)]
        path.append(numbers if kind == 1 else None)
        path = path[:-1] + (numbers if kind == 2 else [numbers])
    return path


def update(r, two_octets):
    withdrawn = prefixes(Reader(r.take(r.number(2))))
    attrs, out = Reader(r.take(r.number(2))), {"withdrawn": withdrawn, "announced": [], "eor": None}
    empty = not attrs.left()
    while attrs.left():
        flags, kind = attrs.number(1), attrs.number(1)
        value = Reader(attrs.take(attrs.number(2 if flags & 0x10 else 1)))
        if kind == 2:
            out["as-path"] = as_path(value, 2 if two_octets else 4)
        elif kind == 3:
            out["nexthop"] = str(ipaddress.ip_address(value.take(4)))
        elif kind == 5:
            out["local-pref"] = value.number(4)
        elif kind == 14:
            if value.take(3) != b"\0\2\1":
                raise ValueError("another family than IPv6 unicast")
            out["nexthop"] = str(ipaddress.ip_address(value.take(value.number(1))[:16]))
            value.number(1)
            out["announced"] += prefixes(value, True)
        elif kind == 15:
            if value.take(3) != b"\0\2\1":
                raise ValueError("another family than IPv6 unicast")
            gone = prefixes(value, True)
            out["withdrawn"] += gone
            out["eor"] = None if gone else "ipv6"
        else:
            value.take(value.left())
        value.end()
    out["announced"] += prefixes(r)
    if empty and not withdrawn and not out["announced"]:
        out["eor"] = "ipv4"
    return out


def peer_header(r):
    if r.number(1):
        raise ValueError("no global instance peer")
    flags = r.number(1)
    r.take(8)
    address = r.take(16)
    if not flags & 0x80 and any(address[:12]):
        raise ValueError("an IPv4 address has something before it")
    return {"peer": str(ipaddress.ip_address(address if flags & 0x80 else address[12:])), "post": bool(flags & 0x40),
            "two-octets": bool(flags & 0x20), "as": r.number(4), "id": str(ipaddress.ip_address(r.take(4))),
            "time": r.number(4), "micro": r.number(4)}


def decode(kind, r):
    if kind in (INITIATION, TERMINATION):
        tlvs = {}
        while r.left():
            name = r.number(2)
            value = r.take(r.number(2))
            tlvs[name] = int.from_bytes(value, "big") if kind == TERMINATION and name == 1 else value.decode()
        return {"message": "initiation" if kind == INITIATION else "termination", "tlv": tlvs}
    out = peer_header(r)
    if kind == ROUTE:
        out["message"] = "route"
        out.update(update(bgp_message(r, 2), out["two-octets"]))
    elif kind == UP:
        out["message"] = "up"
        out["local"] = str(ipaddress.ip_address(r.take(16)[12:]))
        out["ports"] = [r.number(2), r.number(2)]
        for name in ("sent", "received"):
            body = bgp_message(r, 1)
            body.number(1)
            out[name] = {"as": body.number(2), "hold": body.number(2), "id": str(ipaddress.ip_address(body.take(4)))}
            body.take(body.left())
    elif kind == DOWN:
        out["message"], out["reason"] = "down", r.number(1)
        if out["reason"] in (1, 3):
            body = bgp_message(r, 3)
            out["notification"] = [body.number(1), body.number(1)]
            out["words"] = body.take(body.left())[1:].decode()
        elif out["reason"] == 2:
            out["event"] = r.number(2)
    elif kind == STATS:
        out["message"] = "stats"
        out["stat"] = {}
        for _ in range(r.number(4)):
            name = r.number(2)
            out["stat"][name] = int.from_bytes(r.take(r.number(2)), "big")
    else:
        raise ValueError(f"message type {kind}")
    return out


def exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            return None
        data += more
    return data


def serve(address, port, keep):
    listener = socket.create_server((address, port))
    print(json.dumps({"message": "listening"}), flush=True)
    while True:
        sock, _ = listener.accept()
        print(json.dumps({"message": "connected"}), flush=True)
        with sock, open(keep, "ab") as f:
            while True:
                head = exactly(sock, 6)
                if not head:
                    break
                version, length, kind = struct.unpack("!BIB", head)
                body = exactly(sock, length - 6)
                if version != 3:
                    raise ValueError(f"version {version}")
                if body is None:
                    print(json.dumps({"message": "cut"}), flush=True)
                    break
                f.write(head + body)
                f.flush()
                r = Reader(body)
                out = decode(kind, r)
                r.end()
                print(json.dumps(out), flush=True)
        print(json.dumps({"message": "closed"}), flush=True)


class Station:
    """One in a namespace, and what it has heard so far."""

    def __init__(self, ns, address, port=1790, name="bmp"):
        self.file = ns.lab.path(f"{name}.stream")
        self.process = ns.spawn(name, sys.executable, __file__, address, str(port), self.file)

    def heard(self, message, **members):
        rows = [json.loads(line) for line in self.process.output().splitlines() if line.startswith("{")]
        return [r for r in rows if r["message"] == message and all(r.get(k) == v for k, v in members.items())]

    def announced(self, prefix, **members):
        return [r for r in self.heard("route", **members) if prefix in r["announced"]]

    def withdrawn(self, prefix, **members):
        return [r for r in self.heard("route", **members) if prefix in r["withdrawn"]]

    def last(self, prefix, post):
        """What it was told last of a prefix, before or after policy: a row, "withdrawn", or None."""
        rows = [r for r in self.heard("route", post=post) if prefix in r["announced"] + r["withdrawn"]]
        return None if not rows else rows[-1] if prefix in rows[-1]["announced"] else "withdrawn"


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
