# SPDX-License-Identifier: Apache-2.0
"""Where it was measured, and with which versions."""
import datetime
import os
import pathlib
import platform
import re
import subprocess

from harness import cluster, httpd
from harness.workspace import TOP

VERSIONS = {  # what, the command that tells, and what of its words
    "httpd": ([httpd.binary, "-v"], r"Apache/\S+"),
    "APR": (["apr-1-config", "--version"], r"\S+"),
    "PostgreSQL": ([lambda: cluster.binary("postgres"), "--version"], r"[\d.]+.*"),
    "gcc": (["gcc", "--version"], r"gcc.*"),
    "Python": (["/usr/bin/python3", "--version"], r"[\d.]+"),
    "Node": (["node", "--version"], r"[\d.]+"),
    "nginx": (["nginx", "-v"], r"nginx/[\d.]+"),
    "valgrind": (["valgrind", "--version"], r"[\d.]+"),
}


def description():
    """(what, value) pairs."""
    return [
        ("Measured", f"{datetime.datetime.now(datetime.timezone.utc):%d %B %Y %H:%M} UTC"),
        ("Sources", _sources()),
        ("Built with", _build_flags()),
        ("Processor", f"{_first('/proc/cpuinfo', r'model name.*: (.*)', platform.machine())}, {os.cpu_count()} cores"
                      + (", a virtual machine" if re.search(r"^flags.*hypervisor", _read("/proc/cpuinfo"), re.M) else "")),
        ("Memory", f"{int(_first('/proc/meminfo', r'MemTotal: *([0-9]+)', '0')) / 2 ** 20:.1f} GiB"),
        ("Huge pages for shared memory", _first("/sys/kernel/mm/transparent_hugepage/shmem_enabled", r"\[(\w+)\]", "unknown")),
        ("Kernel", platform.release()),
        ("System", _first("/etc/os-release", r'PRETTY_NAME="(.*)"', platform.system())),
        ("Load average before the run", " ".join(_read("/proc/loadavg").split()[:3])),
        *((name, _version(command, pattern)) for name, (command, pattern) in VERSIONS.items()),
    ]


def _version(command, pattern):
    words = [word() if callable(word) else word for word in command]
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": path})
    return re.search(pattern, said.stdout + said.stderr)[0]


def _sources():
    """The commit, where there is one."""
    def git(*words):
        return subprocess.run(["git", "-C", TOP, *words], capture_output=True, text=True, check=False).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!t/bench/*.md", ":!t/bench/*.svg")
    commit = git("rev-parse", "--short=12", "HEAD")
    return (f"commit {commit}" + (", with changes" if changed else "")) if commit else "no repository"


def _build_flags():
    return os.environ.get("ATTUNE_BENCH_CFLAGS") or "unknown flags: not started by make bench"


def _read(path):
    return pathlib.Path(path).read_text()


def _first(path, pattern, otherwise):
    found = re.search(pattern, _read(path))
    return found[1].strip() if found else otherwise
