# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a PostgreSQL cluster per run, a database per test file, an httpd with any configuration per test or file. A
test fails on error-log lines that nobody expected, and shows the logs of its servers when it fails."""
import signal
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import cluster as cluster_module  # noqa: E402
from harness.accounts import Account  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.echo import EchoBackend  # noqa: E402
from harness.scratch import Scratch  # noqa: E402
from harness.sdk import OfficialSdk  # noqa: E402
from harness.shards import choose_shard  # noqa: E402
from harness.site import Site  # noqa: E402
from harness.workspace import Workspace  # noqa: E402

TEST_SECONDS = 120


# What stands for the whole run


@pytest.fixture(scope="session")
def scratch():
    with Scratch(Account.choose()) as made:
        yield made


@pytest.fixture(scope="session")
def workspace(scratch):
    return Workspace(scratch)


@pytest.fixture(scope="session")
def cluster(scratch):
    """Shared by all files of a run; whoever stops or freezes it brings it back."""
    made = Cluster(scratch).start()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def migrated_template(cluster, workspace):
    """A database to copy from: migrating once is enough."""
    name = cluster.create_database("attune_template")
    cluster_module.migrate(workspace, cluster.conninfo(name))
    return name


@pytest.fixture(scope="session")
def official_sdk(scratch):
    made = OfficialSdk(scratch)
    yield made
    made.close()


@pytest.fixture(scope="session")
def echo():
    made = EchoBackend()
    yield made
    made.close()


# What stands for a file


@pytest.fixture(scope="module")
def empty_database(cluster):
    """Its name. Nothing in it."""
    name = cluster.create_database()
    yield name
    cluster.drop_database(name)


@pytest.fixture(scope="module")
def database(cluster, migrated_template):
    """Its name. Migrated."""
    name = cluster.create_database(template=migrated_template)
    yield name
    cluster.drop_database(name)


@pytest.fixture(scope="module")
def module_site(scratch, workspace, database, request):
    """As `site`, but the servers stand until the end of the file. For fixtures of a file's own. It asks for the database
    so that this is dropped after they have stopped: what a test asked for last is otherwise torn down first."""
    yield from _site_factory(scratch, workspace, request)


@pytest.fixture
def site(scratch, workspace, request):
    """site(config, sign_in=…, database=conninfo, modules=…, values=…, start=True) -> a running Site that ends with the
    test."""
    yield from _site_factory(scratch, workspace, request)


def _site_factory(scratch, workspace, request):
    servers = request.config.stash[SERVERS]
    made = []

    def make(config="", start=True, **options):
        server = Site(scratch, config, workspace=workspace, **options)
        made.append(server)
        servers.append(server)
        server.write("htdocs/index.html", "<!doctype html><title>index</title><p>the index\n")
        server.write("htdocs/data.json", '{"document": true}\n')
        return server.start() if start else server

    yield make
    try:
        for server in made:
            # Gracefully: an ungraceful stop closes the sockets of workers that may be giving them up at that moment, and
            # now and then crashes in mod_mpm_event (close_worker_sockets), which would look like a crash of ours.
            server.stop(graceful=True)
            server.assert_clean_log(_allowed_words(request.node))
    finally:
        for server in made:
            servers.remove(server)
            server.remove()


# The logs as witnesses

SERVERS = pytest.StashKey()


def pytest_configure(config):
    config.stash[SERVERS] = []
    # A run that is told to end tears its servers down as one that is interrupted.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture(autouse=True)
def _clean_logs(request):
    """The lines that a test causes in its file's servers are judged with that test; its own servers' when they stop."""
    yield
    for server in request.config.stash[SERVERS]:
        server.assert_clean_log(_allowed_words(request.node))


def _allowed_words(node):
    return [word for mark in node.iter_markers("allowed_log") for word in mark.args]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in item.config.stash[SERVERS]:
            report.sections.append((f"error log of {server.root.name} (port {server.port})", server.log.tail()))
        database_server = item.funcargs.get("cluster") if hasattr(item, "funcargs") else None
        if database_server:
            report.sections.append(("PostgreSQL's log", database_server.log_tail()))


# Limits and shares


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test hangs a run: it fails where it stood."""
    mark = item.get_closest_marker("timeout")
    seconds = mark.args[0] if mark else TEST_SECONDS

    def too_long(*_):
        pytest.fail(f"still not done after {seconds} s")

    previous = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


def pytest_addoption(parser):
    parser.addoption("--shard", metavar="I/N", help="run the I-th of N shares of the files")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    share = config.getoption("--shard")
    if share:
        chosen, left = choose_shard(items, *map(int, share.split("/")))
        config.hook.pytest_deselected(items=left)
        items[:] = chosen
