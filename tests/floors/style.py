#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""style.py ROOT format|files|shell: what a script can hold of CONTRIBUTING.md. Exit 1 and a line for each offence.

format  clang-format finds nothing to change in any .c or .h (Debian 12's version, 14)
files   the licence line, the story at the top of each .c, files of less than 900 lines, a README in each top folder
shell   shellcheck has nothing to say about any shell script
A missing tool is a failure.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

LINES_MAX = 900
README_MAX = 40
_SPDX = "SPDX-License-Identifier: Apache-2.0"
_SKIP = {".git", ".cache", "__pycache__"}


def files(root):
    """All files that are, or would be, in the repository: no build directories, no fuzz corpora."""
    for top, dirs, names in os.walk(root):
        rel = pathlib.Path(top).relative_to(root).as_posix()
        dirs[:] = [d for d in dirs if d not in _SKIP and not (rel == "." and (d == "build" or d.startswith("build-")))
                   and not (rel == "tests/fuzz" and d == "corpus")]
        for name in sorted(names):
            yield pathlib.Path(top) / name


def first_line(path):
    with open(path, "rb") as f:
        return f.readline().decode("utf-8", "replace")


def is_shell(path):
    return path.suffix == ".sh" or (path.suffix == "" and re.match(r"#!.*\b(ba|da)?sh\b", first_line(path)))


def need(tool):
    if not shutil.which(tool):
        sys.exit(f"style: {tool} is not installed; tests/run installs it")


def check_format(root):
    need("clang-format")
    sources = [str(p) for p in files(root) if p.suffix in (".c", ".h")]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file", *sources], cwd=root, text=True,
                          capture_output=True, check=False)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error: code should be", done.stderr, re.M)))
    if done.returncode and not wrong:
        return [done.stderr.strip()]
    return [f"{os.path.relpath(w, root)}: clang-format -i would change it" for w in wrong]


def check_files(root):
    found = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        if path.suffix in (".c", ".h", ".py", ".cmake", ".yang") or path.name == "CMakeLists.txt" or \
                (path.suffix in ("", ".sh") and not path.name.startswith(".") and is_shell(path)):
            text = path.read_text(encoding="utf-8")
            head = "\n".join(text.splitlines()[:3])
            if path.suffix != ".yang" and _SPDX not in head:
                found.append(f"{name}: no line '{_SPDX}' at the top")
            if path.suffix == ".c" and not re.match(r"/\*[^\n]*\*/\n/\*", text):
                found.append(f"{name}: no story at the top (what it does, what holds, which RFC)")
            if text.count("\n") > LINES_MAX and path.suffix != ".yang":  # a YANG module is one file
                found.append(f"{name}: {text.count(chr(10))} lines, at most {LINES_MAX}")
            if re.search(r"\b(TODO|FIXME|XXX)\b", text) and path.name != "style.py":
                found.append(f"{name}: a TODO belongs into an issue")
    for top in ("base", "ike", "esp", "bgp", "bfd", "profiles", "connector", "tests", "docs"):
        readme = root / top / "README.md"
        if not readme.is_file():
            found.append(f"{top}: no README.md")
        elif readme.read_text(encoding="utf-8").count("\n") > README_MAX:
            found.append(f"{top}/README.md: more than {README_MAX} lines")
    return found


def check_shell(root):
    need("shellcheck")
    scripts = [str(p.relative_to(root)) for p in files(root) if not p.name.startswith(".") and is_shell(p)]
    if not scripts:
        return []
    done = subprocess.run(["shellcheck", "-x", *scripts], cwd=root, text=True, capture_output=True, check=False)
    return [done.stdout + done.stderr] if done.returncode else []


CHECKS = {"format": check_format, "files": check_files, "shell": check_shell}


def main():
    root, which = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    found = CHECKS[which](root)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{which}: {len(found)} offences")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
