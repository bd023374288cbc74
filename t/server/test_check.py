# SPDX-License-Identifier: Apache-2.0
"""t/check's own sums: what is a pass, what is not, and which tests are meant."""
import os
import subprocess
import sys
import types

import pytest

from harness.check import Check, Selection
from harness.sources import copy_sources
from harness.tally import Tally


@pytest.fixture
def build(tmp_path):
    (tmp_path / "t/unit").mkdir(parents=True)
    return tmp_path


def left_by_automake(build, program, result, log):
    path = build / program
    path.with_suffix(".trs").write_text(f":test-result: {result}\n")
    path.with_suffix(".log").write_text(log)


def test_units_count_by_their_own_lines(build):
    left_by_automake(build, "t/unit/test_a", "PASS", "1..2\nok 1 - one\nok 2 - two\n")
    left_by_automake(build, "t/unit/guard.sh", "PASS", "")
    tally = Tally()
    assert tally.add_automake(build, ["t/unit/test_a", "t/unit/guard.sh"]) == ""
    assert tally.closing_line() == "3 passed, 0 failed"
    assert tally.exit_status == 0


@pytest.mark.parametrize("result, log, line", [
    ("FAIL", "ok 1 - one\nnot ok 2 - two\n", "1 passed, 1 failed"),
    ("FAIL", "ok 1 - one\n", "1 passed, 1 failed"),  # crashed after its first
    ("PASS", "not ok 1 - one\n", "0 passed, 1 failed"),
    ("SKIP", "", "0 passed, 1 failed")])
def test_a_unit_that_did_not_pass_fails(build, result, log, line):
    left_by_automake(build, "t/unit/test_a", result, log)
    tally = Tally()
    assert log in tally.add_automake(build, ["t/unit/test_a"])
    assert (tally.closing_line(), tally.exit_status) == (line, 1)


def test_a_unit_that_never_ran_fails(build):
    tally = Tally()
    tally.add_automake(build, ["t/unit/test_a"])
    assert tally.closing_line() == "0 passed, 1 failed"


def run_pytest(folder, text):
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_x.py").write_text(text)
    results = folder / "results.xml"
    status = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}"],
                            cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode
    tally = Tally()
    tally.add_junit(results, "servers", status)
    return tally


@pytest.mark.parametrize("text, line", [
    ("def test_a(): pass\ndef test_b(): pass\n", "2 passed, 0 failed"),
    ("def test_a(): pass\ndef test_b(): assert 0\n", "1 passed, 1 failed"),
    ("import pytest\ndef test_a(): pytest.skip()\n", "0 passed, 1 failed"),
    ("import pytest\n@pytest.mark.xfail\ndef test_a(): assert 0\n", "0 passed, 1 failed"),
    ("import pytest\n@pytest.fixture\ndef f():\n  yield\n  assert 0\ndef test_a(f): pass\n", "0 passed, 1 failed"),
    ("import os\ndef test_a(): os._exit(3)\n", "0 passed, 1 failed"),
    ("import atexit, os\ndef test_a(): atexit.register(os._exit, 1)\n", "1 passed, 1 failed"),
    ("import atexit, os\ndef test_a(): atexit.register(os.abort)\n", "1 passed, 1 failed"),
    ("", "0 passed, 0 failed")])
def test_server_tests_count_unless_skipped_or_broken(tmp_path, text, line):
    tally = run_pytest(tmp_path, text)
    assert tally.closing_line() == line
    assert tally.exit_status == (0 if line == "2 passed, 0 failed" else 1)


SECOND_TRIES = {
    "passes": ("def test_a(): pass\n", "1 passed, 0 failed", 0),
    "fails": ("def test_a(): assert 0\n", "0 passed, 1 failed", 1),
    "is gone": ("def test_b(): pass\n", "0 passed, 2 failed", 1),
    "cannot be read": ("syntax error\n", "0 passed, 2 failed", 1),
    "crashes": ("import os\ndef test_a(): os.abort()\n", "0 passed, 2 failed", 1),
    "crashes at the end": ("import atexit, os\ndef test_a(): atexit.register(os.abort)\n", "1 passed, 1 failed", 1),
    "fails at the end": ("import atexit, os\ndef test_a(): atexit.register(os._exit, 1)\n", "1 passed, 1 failed", 1),
    "cannot tidy up": ("import pytest\n@pytest.fixture(scope='session')\ndef f():\n  yield\n  assert 0\n"
                       "def test_a(f): pass\n", "0 passed, 1 failed", 1),
}


@pytest.mark.parametrize("what", SECOND_TRIES)
def test_a_second_try_counts_as_it_ends(tmp_path, what):
    """Of a test that failed at first, in a run whose other ones passed."""
    text, line, status = SECOND_TRIES[what]
    folder = tmp_path / "source/t/server"
    folder.mkdir(parents=True)
    (tmp_path / "source/t/pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    (folder / "test_x.py").write_text(text)
    first = Tally()
    first.tests["t/server/test_x.py::test_a"] = "servers: server.test_x::test_a (failure)"
    first.fails("servers: server.test_x::test_a (failure)")
    check = Check(types.SimpleNamespace(path=tmp_path), Selection([]))
    tally = check.again(first, "servers", {"PYTHONPATH": os.environ.get("PYTHONPATH", "")})
    assert (tally.closing_line(), tally.exit_status) == (line, status)


def test_which_tests_are_meant():
    known = ["t/unit/test_gate", "t/unit/test_key", "t/guard/pure.sh"]
    assert Selection([]).units(known) == known
    assert Selection([]).pytest_arguments() == ["t"]
    assert Selection(["gate"]).units(known) == ["t/unit/test_gate"]
    assert Selection(["gate", "key"]).pytest_arguments() == ["t", "-k", "gate or key"]
    path = Selection(["t/server/test_x.py::test_y"])
    assert (path.units(known), path.pytest_arguments()) == ([], ["t/server/test_x.py::test_y"])
    unit = Selection(["t/unit/test_key"])
    assert (unit.units(known), unit.wants_servers()) == (["t/unit/test_key"], False)


def test_the_copy_has_what_is_tracked_or_new_and_nothing_built(tmp_path):
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    for name in (".gitignore", "tracked.c", "sub/new.py", "built.o"):
        (top / name).write_text("*.o\n")

    def copied(to):
        copy_sources(top, tmp_path / to)
        return {str(path.relative_to(tmp_path / to)) for path in (tmp_path / to).rglob("*") if path.is_file()}

    expected = {".gitignore", "tracked.c", "sub/new.py"}
    assert copied("without-git") == expected
    for words in (["init", "-q"], ["add", "tracked.c"]):
        subprocess.run(["git", "-C", str(top), *words], check=True)
    assert copied("with-git") == expected
