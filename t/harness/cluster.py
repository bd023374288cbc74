# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL cluster on a loopback port of our choosing."""
import csv
import io
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from .ports import reserve_port
from .processes import Process, clean_environment, state_of
from .waiting import wait_for

SUPERUSER = "postgres"
USER = "attune_billing"  # the module's own role, as in conf/: no superuser, owns its databases
SOCKET_PATH_MAX = 107    # sizeof(sun_path) - 1, unix(7)

# Anyone on this machine can connect to a loopback port. So TCP is for the module's role alone; the superuser, who can
# run programs, comes in by a socket in a folder that only its account and root may enter.
HBA = f"""
local all         all      trust
host  all         {USER}   127.0.0.1/32 {{method}}
"""

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
max_connections = {connections}
shared_buffers = 64MB
timezone = 'UTC'
log_timezone = 'UTC'
log_min_error_statement = panic
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
"""


class SqlError(AssertionError):
    pass


def binary(name):
    """The newest installed PostgreSQL's program: Debian keeps servers out of PATH."""
    candidates = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
                        key=lambda path: float(path.parts[-3]))
    if candidates:
        return str(candidates[-1])
    found = shutil.which(name)
    if not found:
        raise RuntimeError(f"PostgreSQL's {name} is not installed")
    return found


class Cluster:
    """`durable`: with fsync and room for several servers and a load, as a real one; without, tests are faster."""

    def __init__(self, scratch, durable=False):
        self.scratch = scratch
        self.port = reserve_port()
        self.folder = scratch.folder("postgresql")
        self.log_path = self.folder / "log"
        self._data = self.folder / "data"
        self._process = None
        self._frozen = []
        self._database_count = 0
        self._sockets = self._socket_folder()
        self._initialise(durable)

    def _socket_folder(self):
        if len(f"{self.folder}/.s.PGSQL.{self.port}") <= SOCKET_PATH_MAX:
            return self.folder
        folder = pathlib.Path(tempfile.mkdtemp(prefix="attune.", dir="/tmp"))
        self.scratch.account.own(folder)
        return folder

    def _initialise(self, durable):
        self._run([binary("initdb"), "-D", self._data, "--no-sync", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                   "--locale=C.UTF-8"])
        self._write_hba("trust")
        settings = SETTINGS.format(port=self.port, sockets=self._sockets, durable="on" if durable else "off",
                                   connections=200 if durable else 80)
        self.scratch.write(self._data / "attune.conf", settings)
        with open(self._data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write("include 'attune.conf'\n")

    def _write_hba(self, method):
        self.scratch.write(self._data / "pg_hba.conf", HBA.format(method=method))

    def _run(self, command):
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd="/", check=False,
                                env=clean_environment(self.scratch), **self.scratch.account.popen_arguments())
        if result.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    # Its life

    def start(self):
        """Returns once it takes connections, with the module's role there."""
        assert not self.is_running(), "the cluster runs already"
        (self._data / "standby.signal").unlink(missing_ok=True)
        self._process = Process(self.scratch, [binary("postgres"), "-D", self._data], output=self.log_path)
        wait_for(self._is_ready, what=lambda: f"PostgreSQL to start; its log:\n{self.log_tail()}")
        self.psql(f"DO $$ BEGIN CREATE ROLE {USER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        return self

    def _is_ready(self):
        assert self._process.is_running(), f"PostgreSQL did not start:\n{self.log_tail()}"
        command = [binary("pg_isready"), "-q", "-h", str(self._sockets), "-p", str(self.port), "-U", SUPERUSER]
        return subprocess.run(command, check=False).returncode == 0

    def is_running(self):
        return self._process is not None and self._process.is_running()

    @property
    def pid(self):
        return self._process.pid

    def children(self):
        return self._process.children()

    def stop(self, fast=True):
        """`fast`: rolls back what is running and tells clients; otherwise as if the power went (recovery follows)."""
        if self.is_running():
            self.thaw()
            self._process.stop(signal.SIGINT if fast else signal.SIGQUIT)

    def kill(self):
        """SIGKILL for all of it at once."""
        self._process.kill()
        self._frozen = []

    def start_standby(self, readable):
        """As a standby that has no primary to follow. One that cannot be read takes no connections but says why. `promote`
        ends it; so does a stop with the next start."""
        assert not self.is_running(), "the cluster runs already"
        self.scratch.write(self._data / "standby.signal", "")
        begins = len(self.log_path.read_text(errors="replace"))
        self._process = Process(self.scratch, [binary("postgres"), "-D", self._data, "-c",
                                               f"hot_standby={'on' if readable else 'off'}"], output=self.log_path)
        word = "ready to accept read-only connections" if readable else "entering standby mode"
        wait_for(lambda: word in self.log_path.read_text(errors="replace")[begins:], what=lambda: f"{word}:\n{self.log_tail()}")

    def promote(self):
        """A standby that can be read becomes the primary."""
        self.psql("SELECT pg_promote()")

    def restart(self, fast=True):
        """On the same port."""
        self.stop(fast)
        self.start()

    def freeze(self):
        """SIGSTOP: connections are accepted by the kernel and nothing ever answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        for pid in self._frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self._frozen = []

    def _signal_all(self, number):
        # The postmaster first: it would start new children while we stop the old.
        self._process.send(number)
        self._frozen = [self.pid, *self.children()]
        for pid in self._frozen[1:]:
            os.kill(pid, number)
        # A signal is not taken before the process runs next.
        wait_for(lambda: all(state_of(pid) in "TtXZ" for pid in self._frozen), what=f"{self._frozen} to stand still")

    def remove(self):
        if self.is_running():
            self.thaw()
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._sockets != self.folder:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def log_tail(self, lines=40):
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def admit(self, method):
        """How the module's role gets in from now on, a word of pg_hba.conf; who is in stays."""
        self._write_hba(method)
        self.psql("SELECT pg_reload_conf()")
        wait_for(lambda: self.value("SELECT auth_method FROM pg_hba_file_rules WHERE type = 'host'") == method, what="pg_hba.conf")

    # Its databases

    def create_database(self, name=None, template="template0"):
        """A database that the module's role owns; from a template where one is named. Its name."""
        self._database_count += 1
        name = name or f"attune_{self._database_count}"
        self.psql(f'CREATE DATABASE "{name}" OWNER {USER} TEMPLATE "{template}"')
        return name

    def drop_database(self, name):
        self.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def conninfo(self, database="postgres"):
        """For DBDParams, psql and sql/migrate: as the module's role."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user={USER}"

    def superuser_conninfo(self, database="postgres"):
        return f"host={self._sockets} port={self.port} dbname={database} user={SUPERUSER}"

    def psql(self, sql, database="postgres", superuser=True, timeout=60):
        """Runs SQL and returns the rows of all its statements as lists of text; NULL is ''. Superuser by the socket, or
        the module's role by TCP. Raises SqlError with PostgreSQL's words."""
        conninfo = self.superuser_conninfo(database) if superuser else self.conninfo(database)
        result = subprocess.run(
            [binary("psql"), "-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-d", conninfo], input=sql,
            encoding="utf-8", capture_output=True, env=clean_environment(self.scratch), timeout=timeout, check=False)
        if result.returncode != 0:
            raise SqlError(result.stderr.strip())
        return list(csv.reader(io.StringIO(result.stdout)))

    def value(self, sql, database="postgres", **options):
        """The only column of the only row."""
        rows = self.psql(sql, database, **options)
        assert len(rows) == 1 and len(rows[0]) == 1, f"one value expected of {sql}: {rows}"
        return rows[0][0]


def migrate(workspace, conninfo):
    """Runs sql/migrate as a site would; its output. Raises RuntimeError where it fails."""
    result = subprocess.run([str(workspace.sql / "migrate"), conninfo], capture_output=True, text=True, cwd="/",
                            stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"sql/migrate failed:\n{result.stdout}{result.stderr}")
    return result.stdout
