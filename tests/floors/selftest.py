#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""selftest.py CC AR NM: each check is shown something good and something bad, and must tell them apart."""
import pathlib
import subprocess
import sys
import tempfile

import includes
import reasons
import style
import symbols

CC, AR, NM = sys.argv[1:4]


def archive(folder, name, source):
    obj, lib = folder / f"{name}.c.o", folder / f"libcw_{name}.a"
    (folder / f"{name}.c").write_text(source, encoding="utf-8")
    subprocess.run([CC, "-w", "-c", "-o", obj, folder / f"{name}.c"], check=True)
    subprocess.run([AR, "rcs", lib, obj], check=True)
    return str(lib)


def expect(what, found, *needles):
    text = "\n".join(found)
    if not needles and found:
        sys.exit(f"selftest: {what}: nothing was wrong, but:\n{text}")
    for needle in needles:
        if needle not in text:
            sys.exit(f"selftest: {what}: '{needle}' went unnoticed:\n{text}")
    print(f"ok {what}")


def test_symbols(folder):
    base = archive(folder, "base", "#include <string.h>\nunsigned len(const char *s) { return strlen(s); }\n"
                                   "extern int EVP_DigestUpdate(void); int md(void) { return EVP_DigestUpdate(); }\n")
    good = archive(folder, "ike", "unsigned len(const char *); unsigned twice(const char *s) { return 2 * len(s); }\n")
    expect("symbols: good archives", symbols.offences(NM, [base, good]))
    for body, needle in (("int time(void); int now(void) { return time(); }", "time"),
                         ("int socket(int,int,int); int s(void) { return socket(2, 2, 0); }", "socket"),
                         ("int puts(const char *); void p(void) { puts(\"x\"); }", "puts"),
                         ("int clock_gettime(int, void *); int c(void) { return clock_gettime(0, 0); }", "clock_gettime"),
                         ("long random(void); long r(void) { return random(); }", "random"),
                         ("extern int EVP_DigestUpdate(void); int m(void) { return EVP_DigestUpdate(); }",
                          "EVP_DigestUpdate"),
                         ("int write(int, const void *, long); int w(void) { return write(1, \"\", 0); }", "write")):
        bad = archive(folder, "esp", body)
        expect(f"symbols: {needle} in a core", symbols.offences(NM, [base, bad]), f"libcw_esp.a(esp.c.o): {needle}:")
    bad = archive(folder, "base", "int RAND_bytes(void *, int); int r(void *p) { return RAND_bytes(p, 1); }\n")
    expect("symbols: OpenSSL's randomness in base", symbols.offences(NM, [bad]), "RAND_bytes")


def test_reasons(folder):
    root = folder / "reasons"
    for floor in reasons.FOLDERS:
        (root / floor).mkdir(parents=True)
    (root / "connector/mgmt").mkdir()
    table = root / "connector/mgmt/catalogue_x.c"
    table.write_text('{ .id = "ike-one" }, { .id = "ike-two" }, { .id = "ike-three" },')
    code = root / "ike/a.c"
    code.write_text('void f(void) { reason_set(r, b ? "ike-one" : "ike-two", "%s", g(1, "x, y")); }\n'
                    'static const char id[] = "ike-three"; void g(void) { reason_set(r, id, "no"); /* reason_set(r, "no-no") */ }\n')
    expect("reasons: good", reasons.offences(root))
    code.write_text('void f(void) { reason_set(r, "ike-four", "x"); reason_set(r, other, "y"); reason_set(r, "Ike-One", ""); }')
    expect("reasons: bad", reasons.offences(root), '"ike-four" is explained nowhere', "other", '"ike-two" is explained, but',
           '"Ike-One" is no id')
    table.write_text('{ .id = "ike-one" }, { .id = "ike-one" },')
    expect("reasons: twice", reasons.offences(root), '"ike-one" is explained 2 times')


def test_includes(folder):
    root = folder / "tree"
    for floor in includes.FLOORS:
        (root / floor).mkdir(parents=True)
    (root / "ike/a.c").write_text('#include "ike/a.h"\n#include "base/cursor.h"\n#include <string.h>\n')
    (root / "connector/daemon/a.c").write_text('#include "connector/sys/loop.h"\n#include <unistd.h>\n')
    expect("includes: good files", includes.offences(root))
    (root / "ike/b.c").write_text('#include "bgp/bgp.h"\n#include <time.h>\n#include "b.h"\n')
    (root / "connector/cli/b.c").write_text('#include "connector/daemon/domain.h"\n')
    (root / "base/b.c").write_text('  #  include "connector/sys/loop.h"\n')
    expect("includes: bad files", includes.offences(root), "ike must not include bgp", "<time.h>", 'include "b.h"',
           "connector/cli must not include connector/daemon", "base must not include connector/sys")


def test_style(folder):
    root = folder / "style"
    for top in ("base", "ike", "esp", "bgp", "bfd", "profiles", "connector", "tests", "docs"):
        (root / top).mkdir(parents=True)
        (root / top / "README.md").write_text("# here\n")
    here = pathlib.Path(__file__).resolve().parents[2]
    (root / ".clang-format").write_text((here / ".clang-format").read_text())
    good = "/* SPDX-License-Identifier: Apache-2.0 */\n/* The story. */\nint f(void)\n{\n\treturn 1;\n}\n"
    (root / "base/a.c").write_text(good)
    (root / "tests/run").write_text('#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\necho "$1"\n')
    for which, check in style.CHECKS.items():
        expect(f"style: {which}, good files", check(root))
    (root / "base/a.c").write_text("int f(void) { return   1; } /* TO" "DO */\n" + "\n" * 1000)
    (root / "tests/run").write_text("#!/bin/bash\nrm -rf $1/*\n")
    (root / "ike/README.md").unlink()
    expect("style: format, bad file", style.check_format(root), "base/a.c")
    expect("style: files, bad files", style.check_files(root), "base/a.c: no line", "base/a.c: no story", "1001 lines",
           "ike: no README", "tests/run: no line", "TO" "DO belongs")
    expect("style: shell, bad file", style.check_shell(root), "SC2086")


with tempfile.TemporaryDirectory() as name:
    test_symbols(pathlib.Path(name))
    test_includes(pathlib.Path(name))
    test_reasons(pathlib.Path(name))
    test_style(pathlib.Path(name))
