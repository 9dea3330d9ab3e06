# SPDX-License-Identifier: Apache-2.0
"""MRT files (RFC 6396, RFC 8050), decoded strictly: records of BGP4MP and TABLE_DUMP_V2 as dictionaries."""
import ipaddress

from lab.bmp import Reader, as_path, bgp_message

MESSAGE, MESSAGE_AS4, STATE_AS4, MESSAGE_PATHS, MESSAGE_AS4_PATHS = 1, 4, 5, 8, 9
INDEX, RIB4, RIB6, RIB4_PATHS, RIB6_PATHS = 1, 2, 4, 8, 10


def _prefixes(r, paths):
    found = []
    while r.left():
        path = r.number(4) if paths else None
        bits = r.number(1)
        if bits > 32:
            raise ValueError(f"a prefix of {bits} bits")
        found.append((f"{ipaddress.ip_address(r.take((bits + 7) // 8).ljust(4, bytes(1)))}/{bits}", path))
    return found


def _update(body, paths, size):
    out = {"withdrawn": _prefixes(Reader(body.take(body.number(2))), paths)}
    attrs = Reader(body.take(body.number(2)))
    while attrs.left():
        flags, kind = attrs.number(1), attrs.number(1)
        value = Reader(attrs.take(attrs.number(2 if flags & 0x10 else 1)))
        if kind == 2:
            out["as-path"] = as_path(value, size)
    out["announced"] = _prefixes(body, paths)
    return out


def _bgp4mp(subtype, r):
    four = subtype in (MESSAGE_AS4, STATE_AS4, MESSAGE_AS4_PATHS)
    out = {"peer-as": r.number(4 if four else 2), "local-as": r.number(4 if four else 2)}
    r.number(2)
    size = {1: 4, 2: 16}[r.number(2)]
    out["peer"], out["local"] = (str(ipaddress.ip_address(r.take(size))) for _ in range(2))
    if subtype == STATE_AS4:
        return {**out, "was": r.number(2), "is": r.number(2)}
    kind = r.data[r.at + 18]
    body = bgp_message(r, kind)
    out.update({"type": kind, "paths": subtype in (MESSAGE_PATHS, MESSAGE_AS4_PATHS)})
    if kind == 2:
        out.update(_update(body, out["paths"], 4 if four else 2))
    return out


def _table(subtype, r):
    if subtype == INDEX:
        r.take(4)
        r.take(r.number(2))
        peers = []
        for _ in range(r.number(2)):
            kind = r.number(1)
            r.take(4)
            peers.append((str(ipaddress.ip_address(r.take(16 if kind & 1 else 4))), r.number(4 if kind & 2 else 2)))
        return {"index": peers}
    out = {"sequence": r.number(4), "paths": subtype in (RIB4_PATHS, RIB6_PATHS), "entries": []}
    bits = r.number(1)
    size = 16 if subtype in (RIB6, RIB6_PATHS) else 4
    out["prefix"] = f"{ipaddress.ip_address(r.take((bits + 7) // 8).ljust(size, bytes(1)))}/{bits}"
    for _ in range(r.number(2)):
        peer, _time = r.number(2), r.number(4)
        path = r.number(4) if out["paths"] else None
        r.take(r.number(2))
        out["entries"].append((peer, path))
    return out


def records(path, growing=False):
    """All records of a file, which must end with one; growing: it is being written, and may not."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    found = []
    while r.left():
        if growing and (r.left() < 12 or r.left() < 12 + int.from_bytes(r.data[r.at + 8:r.at + 12], "big")):
            break
        when, kind, subtype = r.number(4), r.number(2), r.number(2)
        body = Reader(r.take(r.number(4)))
        out = {13: _table, 16: _bgp4mp}[kind](subtype, body)
        body.end()
        found.append({"time": when, "kind": kind, "subtype": subtype, **out})
    return found
