# SPDX-License-Identifier: Apache-2.0
"""strongSwan's control protocol (vici) without the program swanctl, which takes a second to start on an emulated CPU."""
import socket
import struct

from lab.lab import LabError

_REQUEST, _RESPONSE, _REGISTER, _CONFIRM, _EVENT = 0, 1, 3, 5, 7
_SECTION, _END, _VALUE, _LIST, _ITEM, _LIST_END = 1, 2, 3, 4, 5, 6


def _receive(s, size):
    data = b""
    while len(data) < size:
        part = s.recv(size - len(data))
        if not part:
            raise LabError("charon closed its control socket")
        data += part
    return data


def _parse(data):
    """A message as dictionaries, lists and text."""
    stack, items, name, at = [{}], [], "", 0

    def word(size):
        nonlocal at
        length = int.from_bytes(data[at:at + size], "big")
        at += size + length
        return data[at - length:at].decode("utf-8", "replace")
    while at < len(data):
        kind = data[at]
        at += 1
        if kind == _SECTION:
            stack.append(stack[-1].setdefault(word(1), {}))
        elif kind == _END:
            stack.pop()
        elif kind == _VALUE:
            key = word(1)
            stack[-1][key] = word(2)
        elif kind == _LIST:
            name, items = word(1), []
        elif kind == _ITEM:
            items.append(word(2))
        elif kind == _LIST_END:
            stack[-1][name] = items
    return stack[0]


def _packet(kind, name, arguments=()):
    body = bytes([kind, len(name)]) + name.encode()
    for key, value in dict(arguments).items():
        body += bytes([_VALUE, len(key)]) + key.encode() + struct.pack("!H", len(value)) + value.encode()
    return struct.pack("!I", len(body)) + body


def _answer(s):
    return _receive(s, struct.unpack("!I", _receive(s, 4))[0])


def _connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(path)
    return s


def call(path, command, **arguments):
    """One command; its answer. LabError when charon says no."""
    with _connect(path) as s:
        s.sendall(_packet(_REQUEST, command, arguments))
        answer = _answer(s)
    if answer[0] != _RESPONSE:
        raise LabError(f"charon does not know {command}")
    found = _parse(answer[1:])
    if found.get("success") == "no":
        raise LabError(f"charon: {command}: {found.get('errmsg')}")
    return found


def listed(path, command, event):
    """A command that answers by events, as list-sas does by list-sa: what each of them says."""
    rows = []
    with _connect(path) as s:
        s.sendall(_packet(_REGISTER, event))
        if _answer(s)[0] != _CONFIRM:
            raise LabError(f"charon knows no event {event}")
        s.sendall(_packet(_REQUEST, command))
        while (answer := _answer(s))[0] == _EVENT:
            rows.append(_parse(answer[2 + answer[1]:]))
    return rows
