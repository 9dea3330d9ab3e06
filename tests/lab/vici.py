# SPDX-License-Identifier: Apache-2.0
"""strongSwan's control protocol (vici) without the program swanctl, which takes a second to start on an emulated CPU."""
import socket
import struct

from lab.lab import LabError

_REQUEST, _RESPONSE = 0, 1
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


def call(path, command, **arguments):
    """One command; its answer. LabError when charon says no."""
    body = bytes([_REQUEST, len(command)]) + command.encode()
    for key, value in arguments.items():
        body += bytes([_VALUE, len(key)]) + key.encode() + struct.pack("!H", len(value)) + value.encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        s.sendall(struct.pack("!I", len(body)) + body)
        answer = _receive(s, struct.unpack("!I", _receive(s, 4))[0])
    if answer[0] != _RESPONSE:
        raise LabError(f"charon does not know {command}")
    found = _parse(answer[1:])
    if found.get("success") == "no":
        raise LabError(f"charon: {command}: {found.get('errmsg')}")
    return found
