# SPDX-License-Identifier: Apache-2.0
"""A real httpd with a configuration of its own, on loopback ports."""
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess

from . import client
from .error_log import FATAL, ErrorLog
from .ports import reserve_port
from .processes import Process, clean_environment, is_alive
from .waiting import wait_for

BASE_MODULES = ("mpm_event", "authn_core", "authn_file", "auth_basic", "authz_core", "authz_host", "authz_user", "alias",
                "dir", "env", "headers", "mime", "setenvif")
NEEDS = {"authn_dbd": ["dbd"], "authz_dbd": ["dbd"], "cache_disk": ["cache"], "cache_socache": ["cache"],
         "lbmethod_byrequests": ["proxy_balancer"], "proxy_balancer": ["proxy", "slotmem_shm"], "proxy_fcgi": ["proxy"],
         "proxy_http": ["proxy"], "proxy_http2": ["proxy"], "session_cookie": ["session"], "ssl": ["socache_shmcb"]}
MODULE_FOLDERS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2")

# Two children from the start and always, since what one child knows and another does not is what goes wrong.
BASE = """
ServerRoot "@ROOT@"
DefaultRuntimeDir "@ROOT@/run"
PidFile "@ROOT@/run/httpd.pid"
ServerName localhost
ErrorLog "@ROOT@/error.log"
LogLevel info
TypesConfig /dev/null
AddType text/html .html
AddType application/json .json
DocumentRoot "@DOCS@"
Timeout 20
GracefulShutdownTimeout 5
ServerLimit 8
StartServers 2
ThreadsPerChild 8
MinSpareThreads 16
MaxSpareThreads 64
MaxRequestWorkers 64
"""

RUNNING = "resuming normal operations"  # what every MPM logs at notice when a generation is up


class HttpdDied(AssertionError):
    """It did not start, or ended by itself. `log` is all it said."""

    def __init__(self, message, log):
        super().__init__(f"{message}:\n{log}")
        self.log = log


def binary():
    wanted = os.environ.get("HTTPD")
    for name in [wanted] if wanted else ["apache2", "httpd"]:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if found:
            return found
    raise RuntimeError("httpd is not installed (or HTTPD names none)")


class Httpd:
    """`config` is the site's part: @PORT@, @ROOT@ (its folder), @DOCS@ and the words of `values` are filled in.
    `modules`: names such as "proxy_http", beyond BASE_MODULES; loaded in this order with what they need, before the
    config. `environment`: what the server process gets beyond the usual."""

    def __init__(self, scratch, config, modules=(), values=None, environment=None, name="httpd"):
        self.scratch = scratch
        self.port = reserve_port()
        self.root = scratch.folder(name)
        self.docs = self._folder("htdocs")
        self.run = self._folder("run")
        self.log = ErrorLog(self.root / "error.log")
        self.allowed = set()
        self._judged = 0
        self.values = {"PORT": self.port, "ROOT": self.root, "DOCS": self.docs, **(values or {})}
        self._modules = modules
        self._environment = {**sanitizer_environment(), **(environment or {})}
        self._process = None
        self._console = self.root / "console.log"
        self.configure(config)

    def _folder(self, name):
        path = self.root / name
        path.mkdir()
        self.scratch.account.own(path)
        return path

    # Its configuration and files

    def configure(self, config):
        """Writes another configuration; it counts from the next start or reload."""
        text = load_lines(self._modules) + BASE + f"Listen 127.0.0.1:{self.port}\n" + config
        for word, value in self.values.items():
            text = text.replace(f"@{word}@", str(value))
        left = re.search(r"@[A-Z][A-Z_]+@", text)
        assert not left, f"{left[0]} in the configuration stands for nothing"
        self.write("httpd.conf", text)

    def write(self, path, text, mode=0o600):
        """A file of the server's account; `path` is relative to its folder (documents: htdocs/…)."""
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        return self.scratch.write(path, text, mode)

    def configtest(self):
        """`httpd -t`: (exit status, what it said)."""
        result = subprocess.run([binary(), "-t", "-f", str(self.root / "httpd.conf")], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", cwd="/", check=False,
                                env=clean_environment(self.scratch, self._environment),
                                **self.scratch.account.popen_arguments())
        return result.returncode, result.stdout

    # Its life

    def start(self):
        """Returns once it answers (to `OPTIONS *`, which no site's configuration concerns); raises HttpdDied where it
        refuses, or its children crash."""
        assert not self.is_running(), "httpd runs already"
        position = self.log.position()
        self._console.unlink(missing_ok=True)
        self._process = Process(self.scratch, [binary(), "-DFOREGROUND", "-f", self.root / "httpd.conf"],
                                environment=self._environment, output=self._console)
        self._wait_for_generation(position, timeout=60)
        wait_for(lambda: self._lives(position) and self._answers(), 60, lambda: f"an answer; httpd said:\n{self.said(position)}")
        return self

    def _wait_for_generation(self, position, timeout):
        wait_for(lambda: self._lives(position) and RUNNING in self.log.text(position) and self.children(), timeout,
                 lambda: f"httpd to come up; it said:\n{self.said(position)}")

    def _lives(self, position):
        if not self.is_running():
            raise HttpdDied("httpd ended", self.said(position))
        if FATAL.search(self.log.text(position)):
            raise HttpdDied("httpd's children crash", self.said(position))
        return True

    def _answers(self):
        try:
            return client.request(self.port, "OPTIONS", "*", timeout=2).status
        except (OSError, http.client.HTTPException):
            return None

    def said(self, since=0):
        """The error log since a position, and what went to the terminal before the log was open."""
        console = self._console.read_text(errors="replace") if self._console.exists() else ""
        return console + self.log.text(since)

    def is_running(self):
        return self._process is not None and self._process.is_running()

    @property
    def pid(self):
        return self._process.pid

    def children(self):
        return self._process.children()

    def reload(self, wait_for_old=True, timeout=60):
        """A graceful reload (SIGUSR1). Returns once the new generation is up and, unless told otherwise, no child of
        the old one is left: from then on every answer comes from the new configuration."""
        old = self.children()
        position = self.log.position()
        self._process.send(signal.SIGUSR1)
        self._wait_for_generation(position, timeout)
        if wait_for_old:
            wait_for(lambda: not any(is_alive(pid) for pid in old), timeout, f"the old children {old} to end")
        wait_for(lambda: set(self.children()) - set(old), timeout, "new children")

    def stop(self, graceful=False):
        """SIGTERM, or SIGWINCH: what is being answered is answered first."""
        if self.is_running():
            self._process.stop(signal.SIGWINCH if graceful else signal.SIGTERM)

    def kill(self):
        """SIGKILL for all of it at once."""
        self._process.kill()

    def remove(self):
        if self.is_running():
            self._process.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    # Its log

    def allow(self, *words):
        """Log lines with these words (an id such as ATB0007, AH00126) are expected of this server."""
        self.allowed.update(words)

    def assert_clean_log(self, allowed=()):
        """Judges what was said since the last time; `allowed` counts for this once."""
        since, self._judged = self._judged, self.log.position()
        self.log.assert_clean(since, [*self.allowed, *allowed])

    # Requests

    def request(self, method, path, **options):
        return client.request(self.port, method, path, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)


def load_lines(modules):
    """LoadModule lines for names, or for paths of built modules, with what they need; what is compiled in is left out."""
    lines = []
    for name in _in_order([*BASE_MODULES, *modules]):
        path = pathlib.Path(name)
        if path.is_absolute():
            lines.append(f'LoadModule {path.stem.removeprefix("mod_")}_module "{path}"\n')
        elif name not in _compiled_in():
            lines.append(f'LoadModule {name}_module "{module_file(name)}"\n')
    return "".join(lines)


def module_file(name):
    folders = [os.environ["HTTPD_MODULES"]] if "HTTPD_MODULES" in os.environ else MODULE_FOLDERS
    for folder in folders:
        path = pathlib.Path(folder) / f"mod_{name}.so"
        if path.exists():
            return path
    raise RuntimeError(f"httpd's mod_{name}.so is not installed")


def _in_order(names):
    ordered = []
    for name in map(str, names):
        for needed in [*NEEDS.get(name, []), name]:
            if needed not in ordered:
                ordered.append(needed)
    mpms = [name for name in ordered if name.startswith("mpm_")]
    return [name for name in ordered if name not in mpms[:-1]]


_compiled = None


def _compiled_in():
    global _compiled
    if _compiled is None:
        said = subprocess.run([binary(), "-l"], capture_output=True, text=True, check=True).stdout
        _compiled = {name.removeprefix("mod_") for name in re.findall(r"(\w+)\.c", said)}
    return _compiled


def sanitizer_environment():
    """t/check --asan: the module is built with sanitizers, so httpd must start with their libraries."""
    libraries = os.environ.get("ATTUNE_PRELOAD")
    if not libraries:
        return {}
    # Leaks are looked for in the unit tests: at the end of httpd its own and other libraries' drown everything.
    return {"LD_PRELOAD": libraries, "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "print_stacktrace=1"}
