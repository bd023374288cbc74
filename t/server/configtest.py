# SPDX-License-Identifier: Apache-2.0
"""Runs the real `apache2 -t` on a configuration of one test, in a scratch ServerRoot."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MODULE = pathlib.Path(os.environ.get("ATTUNE_MODULE") or TOP / "mod_billing/.libs/mod_attune_billing.so")
HTTPD = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or shutil.which("httpd")
MODULE_FOLDER = pathlib.Path(os.environ.get("HTTPD_MODULES") or "/usr/lib/apache2/modules")
MODULES = ("mpm_event", "authn_core", "authn_file", "auth_basic", "authz_core", "authz_user", "authz_host", "socache_shmcb", "ssl", "dbd", "cache", "alias", "info")

DATABASE = 'DBDriver pgsql\nDBDParams "host=127.0.0.1 dbname=attune"\n'
SECONDS = 60


def environment(extra=None):
    """What httpd is started with: the sanitizers' libraries where the module under test was built with them."""
    given = {"PATH": os.environ.get("PATH", ""), "LANG": "C"}
    if os.environ.get("ATTUNE_PRELOAD"):
        given["LD_PRELOAD"] = os.environ["ATTUNE_PRELOAD"]
        given["ASAN_OPTIONS"] = "detect_leaks=0"
    given.update(extra or {})
    return given


class Result:
    def __init__(self, code, output, path, text):
        self.code = code
        self.output = output
        self.path = path
        self._lines = text.splitlines()

    def line_of(self, words):
        """The last line that holds the words: of two that clash, the second is to blame."""
        found = [number for number, line in enumerate(self._lines, 1) if words in line]
        assert found, f"{words!r} is not in the configuration"
        return found[-1]

    def message_at(self, words):
        """All that was said of the line: httpd's way of saying where, and ours."""
        number = self.line_of(words)
        theirs = rf"Syntax error on line {number} of {re.escape(str(self.path))}:\n(.*)"
        ours = rf"^ATB\d{{4}}: {re.escape(str(self.path))}:{number}: (.*)"
        return "\n".join(re.findall(theirs, self.output) + re.findall(ours, self.output, re.M))

    @property
    def ids(self):
        return re.findall(r"^ATB\d{4}", self.output, re.M)

    def assert_ok(self):
        assert self.code == 0, self.output
        assert "Syntax OK" in self.output
        assert not self.ids, self.output

    def assert_refused(self, at, *words):
        assert self.code == 1, self.output
        self._assert_said(at, words)

    def assert_warned(self, message_id, at, *words):
        assert self.code == 0, self.output
        assert self.ids == [message_id], self.output
        self._assert_said(at, words)

    def _assert_said(self, at, words):
        message = self.message_at(at)
        assert message, f"nothing was said of {at!r}:\n{self.output}"
        for word in words:
            assert word in message, f"{word!r} is not in:\n{message}"


class ServerRoot:
    """A folder with secrets and one configuration at a time."""

    def __init__(self, path):
        self.path = path

    def write(self, name, content, mode=0o600):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def configuration(self, body, head=""):
        modules = "".join(f"LoadModule {name}_module {MODULE_FOLDER}/mod_{name}.so\n" for name in MODULES)
        return (
            f"ServerRoot {self.path}\nDefaultRuntimeDir {self.path}\nPidFile {self.path}/pid\nServerName localhost\n"
            f"ErrorLog {self.path}/error.log\n{modules}"
            f"LoadModule attune_billing_module {MODULE}\n{head}{body}\n"
        )

    def run(self, body, *arguments, database=DATABASE, env=None, typed=b""):
        """`typed` is what httpd finds on its standard input."""
        assert HTTPD and MODULE.exists(), f"httpd ({HTTPD}) or the module ({MODULE}) is missing: build it first"
        text = self.configuration(body, database)
        path = self.write("httpd.conf", f"{text}Listen 127.0.0.1:1\n")
        done = subprocess.run(
            [HTTPD, *(arguments or ["-t"]), "-f", str(path)],
            env=environment(env), input=typed, capture_output=True, timeout=SECONDS, check=False,
        )
        output = (done.stdout + done.stderr).decode(errors="replace")
        assert "runtime error:" not in output and "Sanitizer" not in output, output
        return Result(done.returncode, output, path, text)


@contextlib.contextmanager
def readable():
    """A ServerRoot that the account which httpd runs as can read; pytest's own folders it cannot."""
    root = ServerRoot(pathlib.Path(tempfile.mkdtemp(prefix="attune-config-")))
    root.path.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root.path)


@contextlib.contextmanager
def running(root, body, env=None):
    """httpd itself, in one process, on a port of its own. Yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "User nobody\n" if os.geteuid() == 0 else ""
    path = root.write("httpd.conf", root.configuration(f"Listen 127.0.0.1:{port}\n{user}{body}"))
    server = subprocess.Popen([HTTPD, "-X", "-f", str(path)], env=environment(env), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_port(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)


def _wait_for_port(server, port):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "httpd did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("httpd does not answer")


def directive_names():
    """Every name in the command table; sections with their "<"."""
    table = (TOP / "mod_billing/config/directives.c").read_text()
    names = re.findall(r'(?:AP_INIT_\w+|IDENTITY)\(\s*"(<?Billing\w+)"', table)
    assert len(names) > 30
    return names


# Pieces of configurations

PLAN = """
<BillingPlan basic>
BillingPrice stripe price_basic
BillingGrant trucking.dispatch
BillingLimit trucking.maxLocations 5
</BillingPlan>
"""


def plan(*lines):
    return "<BillingPlan basic>\n" + "\n".join(lines) + "\n</BillingPlan>\n"


def feature(*lines):
    return "<BillingFeature trucking.dispatch>\n" + "\n".join(lines) + "\n</BillingFeature>\n"


def location(*lines):
    return '<Location "/x">\n' + "\n".join(lines) + "\n</Location>\n"


def host(*lines, number=1):
    return f"<VirtualHost 127.0.0.{number}:80>\nServerName h{number}\n" + "\n".join(lines) + "\n</VirtualHost>\n"


GATE = PLAN + location("BillingRequireFeature trucking.dispatch")


def with_secrets(root):
    root.write("test.key", "sk_test_51HnSECRETvalue\n")
    root.write("live.key", "rk_live_51HnSECRETvalue\n")
    root.write("webhook", "whsec_SECRETvalue\n")
    root.write("webhook.old", "whsec_SECRETolder")
    return root


def numbered(cases):
    """Parameters named by their number and the line that matters: bodies are too long for names."""
    return [pytest.param(*case, id=f"{number}-{case[at].strip()[:40]}") for number, (at, case) in enumerate(cases)]
