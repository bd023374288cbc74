# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL stopped, killed, frozen, stuttering, out of connections, its backends ended: gates go on deciding rightly
about every org that is known, routes answer within their bound and then at once, no worker is tied down, and all of it is
over when the fault is."""
import pytest

from fault_support import make_server, over, suffer, watched
from harness.waiting import wait_for
from node_support import Session, own_cluster

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def lone(scratch, workspace):
    with own_cluster(scratch, workspace) as made:
        yield made


@pytest.fixture(scope="module")
def server(module_site, lone):
    return make_server(module_site, lone.conninfo("attune"))


def test_stopped(server, lone):
    suffer(server, lone.stop, lone.start)


def test_killed(server, lone):
    suffer(server, lone.kill, lone.start)


def test_frozen(server, lone):
    suffer(server, lone.freeze, lone.thaw)


def test_restarted_again_and_again(server, lone):
    with watched(server):
        for fast in (True, False, True):
            lone.restart(fast)
            over(server)


def test_stuttering(server, lone):
    """It stands still again and again, each time until everybody waits for it."""
    with watched(server) as askers:
        for _ in range(5):
            lone.freeze()
            wait_for(lambda: all(each.is_waiting for each in askers.webhook), what="events to wait")
            lone.thaw()
            askers.answered(1, askers.webhook)
        over(server)
    assert askers.events().count(200) > len(askers.events()) / 2


@pytest.mark.parametrize("most, share", [(1, 0.9), (4, 0.9), (100, 0.5)])
def test_backends_ended(server, lone, most, share):
    """Hardly an event is refused for it, since each is sent again on another connection; but all of them, those included
    that are just being opened, cannot end again and again without a trace."""
    with watched(server) as askers:
        for _ in range(20):
            lone.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'attune_billing'"
                      f" ORDER BY random() LIMIT {most}")
            askers.answered(3, askers.webhook)
        over(server)
    assert askers.events().count(200) >= share * len(askers.events())


def crowd(lone):
    """Takes every connection that is left; the superuser's three stay."""
    taken = []
    while True:
        session = Session(lone, "attune", conninfo=lone.conninfo("attune"))
        taken.append(session)
        if session.run("SELECT 1") != "1":
            return taken


def test_out_of_connections(server, lone):
    """With those that are open the site goes on; without any it waits for one at once."""
    with watched(server) as askers:
        taken = crowd(lone)
        askers.stay()
        lone.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'attune_billing'")
        taken += crowd(lone)
        askers.stay()
        for session in taken:
            session.close()
        over(server)


def test_a_row_that_is_locked_holds_up_nothing_else(server, lone):
    session = Session(lone, "attune")
    session.run("BEGIN")
    session.run("SELECT FROM billing.link WHERE org_id = 'busy' FOR UPDATE")
    try:
        position = server.log.position()
        with watched(server) as askers:
            askers.stay()
        assert set(askers.events()) <= {503}
        assert {found.reason for found in askers.cold.replies} == {"no_subscription"}
        assert "ATB0202" not in server.log.text(position)
    finally:
        session.run("ROLLBACK")
        session.close()
    over(server)


def test_nothing_is_left_behind(server, lone):
    """After all that: connections of a few idle ones for each child, and not one transaction open."""
    over(server)
    children = len(server.children())
    count = int(lone.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'attune_billing'"))
    assert count <= children * 16
    assert lone.value("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == "0"
