# SPDX-License-Identifier: Apache-2.0
"""Servers as child processes of ours: run as the unprivileged account, stopped by pid, never left behind.

Each is written down in its scratch folder, so that whoever removes the folder can end it even if the process that
started it was killed."""
import os
import pathlib
import signal
import subprocess

from .waiting import wait_for

REGISTRY = "processes"
DEAD = ("Z", "X")


class Process:
    """A program in a session of its own, so that a Ctrl-C reaches us alone and we stop it in order."""

    def __init__(self, scratch, command, *, environment=None, output=None, cwd="/", **arguments):
        """`output`: a path that standard output and error are appended to."""
        sink = open(output, "ab") if output else subprocess.DEVNULL
        try:
            self._popen = subprocess.Popen(
                [str(word) for word in command], cwd=cwd, env=clean_environment(scratch, environment),
                stdin=arguments.pop("stdin", subprocess.DEVNULL), stdout=arguments.pop("stdout", sink),
                stderr=subprocess.STDOUT if output else None, start_new_session=True,
                **scratch.account.popen_arguments(), **arguments)
        finally:
            if output:
                sink.close()
        self.pid = self._popen.pid
        self._entry = _register(scratch.path, self.pid)

    @property
    def stdin(self):
        return self._popen.stdin

    @property
    def stdout(self):
        return self._popen.stdout

    def is_running(self):
        if self._popen.poll() is None:
            return True
        self._entry.unlink(missing_ok=True)
        return False

    @property
    def exit_status(self):
        """None while it runs; negative: the signal that ended it."""
        return self._popen.poll()

    def send(self, number):
        if self.is_running():
            os.kill(self.pid, number)

    def children(self):
        return children_of(self.pid)

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Asks with a signal, then waits; what does not go is killed with its children and reported."""
        self.send(number)
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"process {self.pid} did not stop within {timeout} s of signal {number}") from None
        finally:
            self.is_running()

    def kill(self):
        """SIGKILL for it and all its descendants, and waits until they are gone."""
        if not self.is_running():
            return
        family = descendants_of(self.pid)
        for pid in [self.pid, *family]:
            _send(pid, signal.SIGKILL)
        self._popen.wait()
        self.is_running()
        wait_for(lambda: not any(is_alive(pid) for pid in family), what=f"the end of {family}")


def clean_environment(scratch, extra=None):
    """The whole environment of what we start: nothing of the caller's but what is named here."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(scratch.path),
                   "TMPDIR": str(scratch.path), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    environment.update(extra or {})
    return environment


def state_of(pid):
    """The letter of proc(5), such as R, S, T (stopped); "X" where there is no such process."""
    fields = _stat(pid)
    return fields[0] if fields else "X"


def is_alive(pid):
    """A zombie counts as dead: nobody is left in it."""
    return state_of(pid) not in DEAD


def children_of(parent):
    every = ((pid, _stat(pid)) for pid in _all_pids())
    return [pid for pid, fields in every if fields and fields[1] == parent and fields[0] not in DEAD]


def descendants_of(ancestor):
    found = []
    for child in children_of(ancestor):
        found.append(child)
        found.extend(descendants_of(child))
    return found


def owner_of(pid):
    """The user id a process runs as."""
    return os.stat(f"/proc/{pid}").st_uid


def end_registered(folder):
    """Kills every process still written down anywhere below `folder`, with its descendants."""
    for entry in list(pathlib.Path(folder).rglob(f"{REGISTRY}/*")):
        pid = int(entry.name)
        fields = _stat(pid)
        # The same start time: the number was not given to another program meanwhile.
        if fields is not None and str(fields[2]) == entry.read_text():
            for member in [pid, *descendants_of(pid)]:
                _send(member, signal.SIGKILL)
        entry.unlink(missing_ok=True)


def _register(folder, pid):
    registry = folder / REGISTRY
    registry.mkdir(exist_ok=True)
    entry = registry / str(pid)
    fields = _stat(pid)
    entry.write_text(str(fields[2]) if fields else "")
    return entry


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid):
    """(state, parent, start time in ticks), or None where there is no such process. proc(5)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may hold anything.
    fields = text[text.rindex(")") + 2:].split()
    return fields[0], int(fields[1]), int(fields[19])
