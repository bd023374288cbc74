# SPDX-License-Identifier: Apache-2.0
"""What every measurement stands on: a scratch folder, the programs that were built, a PostgreSQL, and servers that end
with the module that asked for them."""
import contextlib
import functools
import os
import pathlib
import shutil
import subprocess

from harness import cluster as cluster_module
from harness.cluster import Cluster
from harness.processes import clean_environment
from harness.site import Site
from harness.workspace import TOP, Workspace

TOOLS_VARIABLE = "ATTUNE_BENCH_TOOLS"  # the folder of what is built from t/bench; else it is beside the sources

# As a busy site would have it; and a log that is written is not what is measured.
SETTINGS = """
LogLevel warn
MaxKeepAliveRequests 0
KeepAliveTimeout 60
"""


class Context:
    def __init__(self, scratch):
        self.scratch = scratch
        self.workspace = Workspace(scratch)
        self.charts = []  # svg.Chart, shown in RESULTS.md
        self._run = contextlib.ExitStack()
        self._stage = contextlib.ExitStack()

    def close(self):
        self._stage.close()
        self._run.close()

    @contextlib.contextmanager
    def stage(self):
        """A module's turn: the servers it asks for end with it."""
        with contextlib.ExitStack() as self._stage:
            yield

    # Programs

    @functools.cache
    def tool(self, name):
        """The path of a program that is built from t/bench, where the unprivileged account can run it."""
        built = pathlib.Path(os.environ.get(TOOLS_VARIABLE) or TOP / "t/bench") / name
        if not built.exists():
            raise RuntimeError(f"{built} is not built; say make bench")
        copy = self.scratch.folder(f"tool-{name}") / name
        shutil.copyfile(built, copy)
        copy.chmod(0o755)
        return copy

    def output(self, command, timeout=600, **environment):
        """What a program prints, run as the unprivileged account."""
        result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                cwd="/", check=False, timeout=timeout, env=clean_environment(self.scratch, environment),
                                **self.scratch.account.popen_arguments())
        if result.returncode != 0:
            raise RuntimeError(f"{command} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
        return result.stdout

    # Servers

    @functools.cached_property
    def cluster(self):
        """PostgreSQL with fsync, for the whole run."""
        made = Cluster(self.scratch, durable=True).start()
        self._run.callback(made.remove)
        return made

    @functools.cached_property
    def _template(self):
        name = self.cluster.create_database("attune_template")
        cluster_module.migrate(self.workspace, self.cluster.conninfo(name))
        return name

    def database(self):
        """The name of a new one, migrated."""
        name = self.cluster.create_database(template=self._template)
        self._stage.callback(self.cluster.drop_database, name)
        return name

    def site(self, config="", start=True, **options):
        """A Site (its `options`; `database` is a conninfo), with the module where it has a database; it runs unless told
        otherwise."""
        server = Site(self.scratch, SETTINGS + config, workspace=self.workspace, **options)
        self.until_stage_ends(server.remove)
        server.write("htdocs/index.html", "<!doctype html><title>index</title><p>the index\n")
        return server.start() if start else server

    def until_stage_ends(self, end):
        """`end` is called when the module's turn is over, whatever happens."""
        self._stage.callback(end)
