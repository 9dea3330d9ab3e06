# SPDX-License-Identifier: Apache-2.0
"""The frame of a test program: named steps with their time, and every log of the lab when one fails.

    def main(case):
        with case.lab() as lab:
            with case.step("in-fib within 10 s"): ...
    run_case("azure_bird", main)
"""
import contextlib
import sys
import time
import traceback

from lab.lab import Lab, LabError


class Case:
    """Steps of one test, printed as they are done."""

    def __init__(self, name):
        self.name = name
        self.begin = time.monotonic()
        self.failures = []

    @contextlib.contextmanager
    def lab(self, name=None):
        with Lab(name or self.name) as lab:
            try:
                yield lab
            except BaseException:
                lab.failed = True
                print(f"{self.name}: FAILED at {time.monotonic() - self.begin:.1f} s", flush=True)
                traceback.print_exc()
                lab.dump()
                sys.stderr.flush()
                sys.exit(1)

    @contextlib.contextmanager
    def step(self, text):
        begin = time.monotonic()
        print(f"  .. {text}", flush=True)
        yield
        print(f"  ok {text} ({time.monotonic() - begin:.2f} s)", flush=True)

    @contextlib.contextmanager
    def row(self, text, lab):
        """One row of a table: a failure is noted with the logs and the next row runs all the same."""
        begin = time.monotonic()
        try:
            yield
            print(f"  ok {text} ({time.monotonic() - begin:.2f} s)", flush=True)
        except (LabError, AssertionError, KeyError, ValueError) as e:
            self.failures.append(text)
            print(f"  NO {text}: {type(e).__name__}: {e}", flush=True)
            traceback.print_exc()
            lab.failed = True
            lab.dump(tail=40)

    def note(self, text):
        print(f"     {text}", flush=True)


def check(true, message):
    if not true:
        raise LabError(message)


def equal(seen, expected, what):
    if seen != expected:
        raise LabError(f"{what}: expected {expected!r}, seen {seen!r}")


def run_case(name, main):
    case = Case(name)
    try:
        main(case)
    except LabError as e:
        print(f"{name}: FAILED: {e}", flush=True)
        sys.exit(1)
    if case.failures:
        print(f"{name}: FAILED: {', '.join(case.failures)}", flush=True)
        sys.exit(1)
    print(f"{name}: passed in {time.monotonic() - case.begin:.1f} s", flush=True)
