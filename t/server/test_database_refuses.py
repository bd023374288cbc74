# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL answers, and will not have us: by pg_hba.conf, for the password, the role or the database, for being a
standby. It is away for all that, and found again without a restart."""
import pytest

from fault_support import make_server, suffer
from harness.cluster import USER
from node_support import own_cluster

pytestmark = pytest.mark.timeout(240)

PASSWORD = "the-roles-own-password"

# What is said to PostgreSQL, and what takes it back.
REFUSALS = {
    "another password": (f"ALTER ROLE {USER} PASSWORD 'another'", f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'"),
    "no login": (f"ALTER ROLE {USER} NOLOGIN", f"ALTER ROLE {USER} LOGIN"),
    "no connection of the role": (f"ALTER ROLE {USER} CONNECTION LIMIT 0", f"ALTER ROLE {USER} CONNECTION LIMIT -1"),
    "no connection to the database": ("ALTER DATABASE attune ALLOW_CONNECTIONS false",
                                      "ALTER DATABASE attune ALLOW_CONNECTIONS true"),
}


@pytest.fixture(scope="module")
def lone(scratch, workspace):
    with own_cluster(scratch, workspace) as made:
        made.psql(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")
        made.admit("scram-sha-256")
        yield made


@pytest.fixture(scope="module")
def server(module_site, lone):
    return make_server(module_site, f"{lone.conninfo('attune')} password={PASSWORD}")


def refused(server, lone, begin, end):
    """Who is in is put out, or nobody would notice."""
    def begin_and_end_sessions():
        begin()
        lone.psql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{USER}'")

    position = server.log.position()
    suffer(server, begin_and_end_sessions, end)
    assert "ATB0202" in server.log.text(position)
    assert PASSWORD not in server.log.text()


@pytest.mark.parametrize("how", REFUSALS)
def test_refused(server, lone, how):
    refuse, admit = REFUSALS[how]
    refused(server, lone, lambda: lone.psql(refuse), lambda: lone.psql(admit))


def test_rejected(server, lone):
    refused(server, lone, lambda: lone.admit("reject"), lambda: lone.admit("scram-sha-256"))


def test_a_standby_is_no_database_until_it_is_promoted(server, lone):
    """What a fail-over looks like from here: a server that can be read and not written."""
    def begin():
        lone.stop()
        lone.start_standby(readable=True)
    suffer(server, begin, lone.promote)


def test_in_recovery(server, lone):
    def begin():
        lone.stop()
        lone.start_standby(readable=False)

    def end():
        lone.stop()
        lone.start()
    suffer(server, begin, end)


def test_a_primary_that_is_made_read_only(server, lone):
    """Nobody is put out; what is written is refused."""
    def begin():
        lone.psql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")

    def end():
        lone.psql("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only")
        lone.psql("SELECT pg_reload_conf()")
    suffer(server, begin, end)
