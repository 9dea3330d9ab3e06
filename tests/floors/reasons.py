#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""reasons.py ROOT: every reason id that the code can give is explained in the catalogue, and the catalogue explains no id that
no code gives. Exit 1 and a line for each offence.

An id is the argument of a function that takes one (IDS below): a literal, one of several by `?:`, or the name of a
constant of the same file. What else stands there must be a parameter that is passed on (PASSED), whose function is in
IDS itself, so that a new way to give a reason can't slip by.
"""
import pathlib
import re
import sys

CATALOGUE = "connector/mgmt/catalogue_*.c"
FOLDERS = ["base", "ike", "esp", "bgp", "bfd", "connector", "profiles"]
# Function: which of its arguments, from 0, is the id.
IDS = {
    "reason_set": 1, "cfg_fail": 1, "cfg_fail_at": 1, "cfg_note": 1, "write_reason": 1, "api_reply_error": 3,
    "fsm_close_with": 3, "cease": 2, "act_report": 2,
}
# (file, argument): an id that a caller gave, or that the daemon sent to the command line.
PASSED = {
    ("bgp/actions.c", "id"), ("bgp/fsm.c", "id"), ("bgp/rib_in.c", "id"), ("connector/mgmt/cfg_reason.c", "id"),
    ("connector/mgmt/cfg_schema.c", "err->apptag"), ("connector/mgmt/api_reply.c", "id"),
    ("connector/cli/http.c", "id"),
}
LITERAL = re.compile(r'"([^"\\]*)"')
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*$")


def bare(text):
    """Without comments; strings keep their place."""
    def keep(m):
        return m.group(0) if m.group(0)[0] == '"' else " "
    return re.sub(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', keep, text, flags=re.S)


def arguments(text, at):
    """The arguments of the call whose '(' is at `at`."""
    args, depth, start, quoted, i = [], 0, at + 1, False, at
    while i < len(text):
        c = text[i]
        if quoted:
            i += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if not depth:
                return [*args, text[start:i].strip()]
        elif c == "," and depth == 1:
            args.append(text[start:i].strip())
            start = i + 1
        i += 1
    return []


def given(root):
    """{id: file} and what could not be read."""
    ids, unread = {}, []
    call = re.compile(r"\b(%s)\s*\(" % "|".join(IDS))
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.c")):
            name = path.relative_to(root).as_posix()
            text = bare(path.read_text(encoding="utf-8"))
            if path.match(CATALOGUE):
                continue
            for m in call.finditer(text):
                args = arguments(text, m.end() - 1)
                arg = args[IDS[m.group(1)]] if len(args) > IDS[m.group(1)] else ""
                if re.match(r"(const )?(char|struct reason) ", arg) or re.match(r"struct reason \*|const struct", args[0] if args else ""):
                    continue  # its own declaration
                found = LITERAL.findall(re.sub(r'str\w*cmp\([^()]*\)', '', arg))
                if not found:  # constants of the file, one or several by ?:
                    found = [c.group(1) for word in re.findall(r"\w+", arg)
                             if (c := re.search(r"\b%s\[\] = \"([^\"]*)\"" % word, text))]
                # "why->id": a reason that is passed on
                if not found and (name, arg) not in PASSED and not re.search(r"(->|\.)id$", arg):
                    unread.append(f"{name}: {m.group(1)}(... {arg} ...): an id that can't be read here; say it as a literal")
                for one in found:
                    ids.setdefault(one, name)
    return ids, unread


def tables(root, ids):
    """Ids that stand in tables: libyang's messages translated, and the model's own tags."""
    schema = root / "connector/mgmt/cfg_schema.c"
    if schema.exists():
        for one in re.findall(r'\{ "[^"]*", "(config-[a-z-]+)"', bare(schema.read_text(encoding="utf-8"))):
            ids.setdefault(one, "connector/mgmt/cfg_schema.c")
    for path in sorted((root / "connector").rglob("*.yang")):
        for one in re.findall(r'error-app-tag "([^"]*)"', path.read_text(encoding="utf-8")):
            ids.setdefault(one, path.relative_to(root).as_posix())


def offences(root):
    explained = {}
    for path in sorted(root.glob(CATALOGUE)):
        for one in re.findall(r'\.id = "([^"]*)"', bare(path.read_text(encoding="utf-8"))):
            explained[one] = explained.get(one, 0) + 1
    ids, faults = given(root)
    tables(root, ids)
    faults += [f"{where}: reason \"{one}\" is explained nowhere; add it to {CATALOGUE}" for one, where in sorted(ids.items())
               if one not in explained]
    faults += [f"{CATALOGUE}: \"{one}\" is explained, but no code gives it" for one in sorted(explained) if one not in ids]
    faults += [f"{CATALOGUE}: \"{one}\" is explained {n} times" for one, n in sorted(explained.items()) if n > 1]
    faults += [f"{where}: \"{one}\" is no id: lower-case words joined by hyphens" for one, where in sorted(ids.items())
               if not ID.match(one)]
    return faults


def main():
    found = offences(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(found) or "ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
