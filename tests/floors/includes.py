#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""includes.py ROOT: which folder may include which, as in docs/architecture.md. Prints each offence; exit 1 if any."""
import pathlib
import re
import sys

# folder -> what it may include beside itself
FLOORS = {
    "base": set(),
    "ike": {"base"},
    "esp": {"base"},
    "bgp": {"base"},
    "bfd": {"base"},
    "profiles": {"base", "ike", "esp", "bgp"},
    "connector/sys": {"base", "ike", "esp", "bgp", "bfd", "profiles"},
    "connector/fib": {"base"},
    "connector/mgmt": {"base", "ike", "esp", "bgp", "bfd", "profiles", "connector/sys", "connector/fib"},
    "connector/cli": {"base", "profiles", "connector/mgmt"},
    "connector/daemon": {"base", "ike", "esp", "bgp", "bfd", "profiles", "connector/sys", "connector/fib",
                         "connector/mgmt"},
}
PURE = ("base", "ike", "esp", "bgp", "bfd", "connector/fib")
# What a pure core may take from the system: types, memory, strings, numbers and text forms of addresses.
PURE_SYSTEM = {"assert.h", "ctype.h", "endian.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
               "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h", "arpa/inet.h",
               "netinet/in.h", "sys/socket.h", "sys/types.h"}
EXCEPTIONS = {("base/log.c", "unistd.h"): "the stderr sink writes its line with write(2)"}
_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def folder_of(path):
    """The floor a repository path lies on: the longest that fits."""
    for floor in sorted(FLOORS, key=len, reverse=True):
        if path.startswith(floor + "/"):
            return floor
    return None


def offences(root):
    found = []
    for floor, allowed in FLOORS.items():
        for path in sorted(p for p in (root / floor).rglob("*.[ch]") if p.is_file()):
            name = path.relative_to(root).as_posix()
            for kind, included in _INCLUDE.findall(path.read_text(encoding="utf-8")):
                if kind == '"':
                    target = folder_of(included)
                    if target is None:
                        found.append(f'{name}: #include "{included}": write the path from the root of the repository')
                    elif target != floor and target not in allowed:
                        found.append(f'{name}: {floor} must not include {target} ("{included}")')
                elif floor in PURE and included not in PURE_SYSTEM and (name, included) not in EXCEPTIONS and \
                        not (floor == "base" and included.startswith("openssl/")):
                    found.append(f"{name}: a pure core must not include <{included}>")
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    if not (root / "base").is_dir():
        sys.exit(f"{root} is not the repository's root")
    found = offences(root)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"includes: {len(found)} offences")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
