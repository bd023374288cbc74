# SPDX-License-Identifier: Apache-2.0
"""httpd's error log as a witness: what was said since a moment, and whether anything was said that should not have been."""
import re

from .waiting import wait_for

LINE = re.compile(r"^\[[^\]]+\] \[(?P<module>[\w-]*):(?P<level>\w+)\] ")
BAD_LEVELS = ("error", "crit", "alert", "emerg")

# Never in order, whatever a test expects.
FATAL = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|Segmentation fault|Bus error|Aborted|Assertion"
                   r"|stack smashing|double free|free\(\): invalid|pool concurrency check")
# httpd's own: a connection that becomes idle in the moment its child ends (event.c, process_socket).
HARMLESS = ("AH03093",)
CHILD_KILLED = re.compile(r"exit signal|exited due to signal")


class DirtyLog(AssertionError):
    pass


class ErrorLog:
    def __init__(self, path):
        self.path = path

    def position(self):
        """Where the log ends now; for `since`."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def text(self, since=0):
        try:
            with open(self.path, "rb") as file:
                file.seek(since)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def lines(self, since=0, level=None, module=None):
        """The lines of one level or module, or all."""
        found = []
        for line in self.text(since).splitlines():
            match = LINE.match(line)
            if level and (not match or match["level"] != level):
                continue
            if module and (not match or match["module"] != module):
                continue
            found.append(line)
        return found

    def count(self, pattern, since=0):
        return len(re.findall(pattern, self.text(since)))

    def wait_for(self, pattern, since=0, timeout=30):
        """The first match of a regular expression."""
        expression = re.compile(pattern)
        return wait_for(lambda: expression.search(self.text(since)), timeout,
                        lambda: f"{pattern!r} in the error log:\n{self.tail()}")

    def tail(self, lines=60):
        return "\n".join(self.text().splitlines()[-lines:])

    def unexpected(self, since=0, allowed=()):
        """Lines of level error and above, sanitizers' and crashed children's, but those that contain one of `allowed`:
        an id (ATB0007, AH00126) or other words of the line. What FATAL matches is never allowed."""
        return [line for line in self.text(since).splitlines() if _is_unexpected(line, allowed)]

    def assert_clean(self, since=0, allowed=()):
        bad = self.unexpected(since, allowed)
        if bad:
            raise DirtyLog("unexpected in the error log:\n" + "\n".join(bad))


def _is_unexpected(line, allowed):
    if FATAL.search(line):
        return True
    match = LINE.match(line)
    if not CHILD_KILLED.search(line) and (not match or match["level"] not in BAD_LEVELS):
        return False
    return not any(words in line for words in (*HARMLESS, *allowed))
