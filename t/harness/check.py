# SPDX-License-Identifier: Apache-2.0
"""t/check: builds out of tree in a scratch folder, runs every kind of test there and adds up. See t/check for its words."""
import argparse
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from .accounts import Account
from .scratch import ROOT_VARIABLE, Scratch
from .sdk import FOLDER_VARIABLE
from .sources import copy_sources
from .tally import Tally
from .workspace import MODULE, TOP

JOBS = min(os.cpu_count() or 1, 4)
SANITIZERS = "-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
PLAIN_BUILD = ("build", "-g -O2")
ASAN_BUILD = ("build-asan", f"-g -O1 {SANITIZERS}")
AUTOMAKE_FOLDERS = ("t/unit/", "t/guard/", "t/fuzz/")
TEARDOWN_SECONDS = 30
SECOND_TRIES_MAX = 8


class StageFailed(Exception):
    pass


class Check:
    def __init__(self, scratch, selection):
        self.scratch = scratch.path
        self.source = scratch.path / "source"
        self.selection = selection
        self.tally = Tally()
        self._logs = 0

    # Running things

    @contextlib.contextmanager
    def stage(self, name):
        started = time.monotonic()
        print(f"== {name}", flush=True)
        before = self.tally.passed, len(self.tally.failures)
        yield
        passed, failed = self.tally.passed - before[0], len(self.tally.failures) - before[1]
        counts = f"{passed} passed, {failed} failed, " if passed or failed else ""
        print(f"== {name}: {counts}{time.monotonic() - started:.1f} s", flush=True)

    def start(self, command, cwd, log=None, environment=None):
        """In a session of its own: a Ctrl-C comes to us, and we end it."""
        with open(log or os.devnull, "ab") as sink:
            return subprocess.Popen([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL,
                                    stdout=sink if log else None, stderr=subprocess.STDOUT if log else None,
                                    env={**os.environ, **(environment or {})}, start_new_session=True)

    def wait(self, children):
        """The exit statuses. Whatever interrupts the wait, nothing is left running."""
        try:
            return [child.wait() for child in children]
        except BaseException:
            for number, seconds in ((signal.SIGINT, TEARDOWN_SECONDS), (signal.SIGKILL, None)):
                for child in children:
                    _signal_group(child, number)
                deadline = time.monotonic() + (seconds or 0)
                for child in children:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(max(0, deadline - time.monotonic()) if seconds else None)
            raise

    def run(self, what, command, cwd):
        """Silent unless it fails."""
        log = self.new_log()
        if self.wait([self.start(command, cwd, log)]) != [0]:
            print(_tail(log, 200), flush=True)
            self.tally.fails(what)
            raise StageFailed(what)

    def new_log(self):
        self._logs += 1
        return self.scratch / f"log-{self._logs}"

    # Stages

    def prepare(self):
        copy_sources(TOP, self.source)
        # Recorded provider data beside the checkout, where there is any, is beside the copy too.
        shared = TOP.parent / "shared"
        if shared.is_dir():
            (self.scratch / "shared").symlink_to(shared)
        self.run("autoreconf", ["autoreconf", "-fi"], self.source)

    def build(self, build):
        name, flags = build
        folder = self.scratch / name
        folder.mkdir()
        self.run(f"{name}: configure", [self.source / "configure", "-q", "--enable-werror", f"CFLAGS={flags}"], folder)
        self.run(f"{name}: make", ["make", "-s", f"-j{JOBS}"], folder)
        return folder

    def units(self, folder, compiled_only=False):
        programs = self.selection.units(_automake_tests(folder))
        if compiled_only:
            programs = [name for name in programs if not name.endswith(".sh")]
        if programs:
            log = self.new_log()
            environment = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
            command = ["make", "-s", "-k", f"-j{JOBS}", "check", f"TESTS={' '.join(programs)}"]
            status = self.wait([self.start(command, folder, log, environment)])[0]
            before = len(self.tally.failures)
            print(self.tally.add_automake(folder, programs), end="", flush=True)
            if status and len(self.tally.failures) == before:
                print(_tail(log, 200), flush=True)
                self.tally.fails("make check")

    def install_clients(self):
        folder = self.scratch / "clients"
        self.run("t/install clients", [self.source / "t/install", "clients", folder], self.source)
        os.environ[FOLDER_VARIABLE] = str(folder)

    def servers(self, folder, name, mark=None, preload=None):
        """pytest, in shares beside each other where all files are meant."""
        environment = {"ATTUNE_MODULE": str(folder / MODULE), "PYTHONPATH": str(self.source / "t")}
        if preload:
            environment["ATTUNE_PRELOAD"] = preload
        command = [sys.executable, "-m", "pytest", "-q", *self.selection.pytest_arguments()]
        command += ["-m", mark] if mark else []
        shares = 1 if self.selection.names_files() else min(JOBS, 2)
        runs = []
        for share in range(1, shares + 1):
            results = self.scratch / f"{folder.name}-{share}.xml"
            log = self.new_log() if shares > 1 else None
            share_command = [*command, f"--shard={share}/{shares}", "-p", "no:cacheprovider", f"--junitxml={results}"]
            child = self.start(share_command, self.source, log, environment)
            runs.append((child, results, log))
        statuses = self.wait([child for child, _, _ in runs])
        for (_, results, log), status in zip(runs, statuses):
            if log and status != 5:
                print(re.sub(r"-+ generated xml file.*\n", "", log.read_text(errors="replace")), end="", flush=True)
            first = Tally()
            first.add_junit(results, name, status)
            self.tally.add(self.again(first, name, environment))

    def again(self, first, name, environment):
        """A few failed tests get a second try, with no other test beside them: these drive real servers against real
        clocks, and two shares on two cores now and then starve one. What passes only then is named in the output, and
        what fails twice has failed, as has what does not run to its end. A run that ends badly has failed even where each
        of its tests passed."""
        failed = [test for test, failure in first.tests.items() if failure]
        if not 0 < len(failed) <= SECOND_TRIES_MAX or len(failed) != len(first.failures):
            return first
        results = self.scratch / "again.xml"
        results.unlink(missing_ok=True)
        print(f"== a second try for {len(failed)}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", *failed, f"--junitxml={results}"]
        second = Tally()
        second.add_junit(results, name, self.wait([self.start(command, self.source, None, environment)])[0])
        tally = Tally()
        tally.passes(first.passed)
        for test in failed:
            if second.tests.get(test, "not run") is None:
                print(f"== passed only at the second try: {test}", flush=True)
                tally.passes()
            else:
                tally.fails(first.tests[test])
        for failure in second.strange_failures():
            tally.fails(f"{failure}, in the second try")
        return tally


class Selection:
    """Which tests the words of the command line mean."""

    def __init__(self, words):
        self._units = [word for word in words if word.startswith(AUTOMAKE_FOLDERS)]
        self._paths = [word for word in words if "/" in word and word not in self._units]
        self._patterns = [word for word in words if "/" not in word]
        self._everything = not words

    def units(self, known):
        if self._everything:
            return known
        return [name for name in known if name in self._units or any(pattern in name for pattern in self._patterns)]

    def is_everything(self):
        return self._everything

    def wants_servers(self):
        return self._everything or bool(self._paths or self._patterns)

    def names_files(self):
        return bool(self._paths)

    def pytest_arguments(self):
        words = self._paths or ["t"]
        return [*words, "-k", " or ".join(self._patterns)] if self._patterns else words


def run_stages(check, asan):
    with check.stage("build, warnings are errors"):
        check.prepare()
        plain = None if asan else check.build(PLAIN_BUILD)
    if plain:
        with check.stage("units and guards"):
            check.units(plain)
    if check.selection.is_everything():
        # Once for all runs of pytest; a chosen test that wants them installs them itself.
        with check.stage("npm clients"):
            check.install_clients()
    if plain and check.selection.wants_servers():
        with check.stage("servers"):
            check.servers(plain, "servers")
    if asan or check.selection.is_everything():
        run_sanitized(check, everything=asan)


def run_sanitized(check, everything):
    with check.stage("build with ASan and UBSan"):
        folder = check.build(ASAN_BUILD)
    with check.stage("units with ASan and UBSan"):
        check.units(folder, compiled_only=True)
    if check.selection.wants_servers():
        with check.stage("servers with ASan and UBSan" + ("" if everything else ", bad input")):
            check.servers(folder, "servers with ASan", None if everything else "bad_input", _sanitizer_libraries())


def _sanitizer_libraries():
    names = ("libasan.so", "libubsan.so")
    return " ".join(subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True,
                                   check=True).stdout.strip() for name in names)


def _automake_tests(folder):
    """The names in TESTS, as make sees them."""
    words = subprocess.run(["make", "-s", "--eval", "print-tests: ; @echo $(TESTS)", "print-tests"], cwd=folder,
                           capture_output=True, text=True, check=True).stdout.split()
    return [pathlib.PurePath(os.path.relpath(word, folder) if os.path.isabs(word) else word).as_posix() for word in words]


def _signal_group(child, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _tail(path, lines):
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _interrupted(number, _):
    # Once is enough: what follows is the way out.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(prog="t/check", description="builds and runs every test, or those that are named")
    parser.add_argument("--asan", action="store_true", help="with the module built with ASan and UBSan")
    parser.add_argument("tests", nargs="*", metavar="PATTERN|PATH[::TEST]")
    words = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    os.umask(0o022)  # the unprivileged account must be able to read what we build
    with Scratch(Account.choose()) as scratch:
        os.environ[ROOT_VARIABLE] = os.environ["TMPDIR"] = str(scratch.path)
        check = Check(scratch, Selection(words.tests))
        with contextlib.suppress(StageFailed):
            run_stages(check, words.asan)
    for name in check.tally.failures:
        print(f"failed: {name}")
    print(check.tally.closing_line(), flush=True)
    return check.tally.exit_status


if __name__ == "__main__":
    sys.exit(main())
