# SPDX-License-Identifier: Apache-2.0
"""What passed and what failed, counted over every kind of test. A skipped test is a failed one: nothing passes unseen."""
import xml.etree.ElementTree


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.tests = {}  # of pytest: its id to what failed in it, None where it passed

    def passes(self, count=1):
        self.passed += count

    def fails(self, name):
        self.failures.append(name)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures

    @property
    def exit_status(self):
        return 0 if self.passed and not self.failures else 1

    def closing_line(self):
        return f"{self.passed} passed, {len(self.failures)} failed"

    def add_automake(self, build, programs):
        """The results `make check` left in `build` for its TESTS: each program's own ok lines where it prints them.
        Returns what the failed ones said."""
        logs = []
        for program in programs:
            # Automake names them after the program without its suffix.
            results, log = (build / program).with_suffix(".trs"), (build / program).with_suffix(".log")
            text = log.read_text(errors="replace") if log.exists() else ""
            lines = text.splitlines()
            good = sum(line.startswith("ok ") for line in lines)
            bad = [line.removeprefix("not ok ") for line in lines if line.startswith("not ok ")]
            if results.exists() and ":test-result: PASS" in results.read_text() and not bad:
                self.passes(max(good, 1))
                continue
            self.passes(good)
            for name in bad or ["did not run to its end"]:
                self.fails(f"{program}: {name}")
            logs.append(f"--- {program}\n{text}")
        return "\n".join(logs)

    def add_junit(self, path, name, exit_status):
        """A pytest run's results; 5 is pytest's word for a run in which no test was wanted, 1 for one in which some
        failed. Anything else is a failure of its own, whatever the tests were told as."""
        if exit_status == 5:
            return
        before = len(self.failures)
        if path.exists():
            self._add_cases(path, name)
        if exit_status not in (0, 1) or not path.exists() or (exit_status == 1 and len(self.failures) == before):
            self.fails(f"{name}: pytest ended with {exit_status}")

    def strange_failures(self):
        """Those that are no test's."""
        return [failure for failure in self.failures if failure not in self.tests.values()]

    def _add_cases(self, path, name):
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            troubles = [child for child in case if child.tag in ("failure", "error", "skipped")]
            failure = f"{name}: {case.get('classname')}::{case.get('name')} ({troubles[0].tag})" if troubles else None
            self.tests[f"t/{case.get('classname').replace('.', '/')}.py::{case.get('name')}"] = failure
            if failure:
                self.fails(failure)
            else:
                self.passes()
