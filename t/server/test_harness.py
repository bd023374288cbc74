# SPDX-License-Identifier: Apache-2.0
"""What all other tests stand on: clusters, servers, sign-in, logs, signatures."""
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from harness import client, processes, stripe_events, stripe_sign
from harness.cluster import Cluster, SqlError
from harness.error_log import DirtyLog
from harness.httpd import HttpdDied
from harness.scratch import Scratch
from harness.shards import choose_shard
from harness.site import ALICE, BOB, CAROL, token
from harness.waiting import WaitedTooLong, wait_for

SHOW_CLAIMS = """
Header always set X-Org  "%{OIDC_CLAIM_org_id}e"
Header always set X-Role "%{OIDC_CLAIM_role}e"
"""
SHOW_PERSON = """
Header always set X-Org  "%{SITE_ORG}e"
Header always set X-Role "%{SITE_ROLE}e"
"""


# PostgreSQL


def test_cluster_runs_as_the_unprivileged_account(cluster, scratch):
    for pid in [cluster.pid, *cluster.children()]:
        assert processes.owner_of(pid) == scratch.account.uid
    assert scratch.account.uid != 0


def test_psql_gives_rows_and_says_what_is_wrong(cluster, empty_database):
    assert cluster.psql("SELECT 1, 'a,b', NULL; SELECT 2, 'c', ''", empty_database) == [["1", "a,b", ""], ["2", "c", ""]]
    with pytest.raises(SqlError, match='relation "nothing" does not exist'):
        cluster.psql("SELECT * FROM nothing", empty_database)


def test_the_module_s_role_owns_its_database_and_is_no_superuser(cluster, empty_database):
    cluster.psql("CREATE SCHEMA billing; CREATE TABLE billing.t (n int)", empty_database, superuser=False)
    with pytest.raises(SqlError, match="permission denied|must be superuser"):
        cluster.psql("COPY billing.t FROM PROGRAM 'id'", empty_database, superuser=False)


def test_no_superuser_by_tcp(cluster):
    with pytest.raises(SqlError, match="no pg_hba.conf entry"):
        conninfo = cluster.conninfo().replace("user=attune_billing", "user=postgres")
        result = subprocess.run(["psql", "-X", "-d", conninfo, "-c", "SELECT 1"], capture_output=True, text=True, check=False)
        raise SqlError(result.stderr)


def test_databases_are_copied_from_a_template(cluster, empty_database):
    cluster.psql("CREATE TABLE copied AS SELECT 42 AS n", empty_database)
    name = cluster.create_database(template=empty_database)
    assert cluster.value("SELECT n FROM copied", name) == "42"
    cluster.drop_database(name)


@pytest.fixture
def own_cluster(scratch):
    made = Cluster(scratch).start()
    yield made
    made.remove()


def test_cluster_restarts_on_the_same_port(own_cluster):
    port = own_cluster.port
    own_cluster.psql("CREATE TABLE kept (n int)")
    own_cluster.restart()
    assert own_cluster.port == port
    assert own_cluster.value("SELECT count(*) FROM kept") == "0"
    own_cluster.restart(fast=False)
    assert own_cluster.value("SELECT count(*) FROM kept") == "0"


def test_cluster_is_gone_after_stop_and_after_kill(own_cluster):
    own_cluster.stop()
    assert not own_cluster.is_running()
    with pytest.raises(ConnectionRefusedError):
        client.open_socket(own_cluster.port)
    own_cluster.start()
    family = [own_cluster.pid, *own_cluster.children()]
    own_cluster.kill()
    assert not any(processes.is_alive(pid) for pid in family)
    own_cluster.start()
    assert own_cluster.value("SELECT 1") == "1"


def test_a_frozen_cluster_takes_connections_and_never_answers(own_cluster):
    own_cluster.freeze()
    assert {processes.state_of(pid) for pid in [own_cluster.pid, *own_cluster.children()]} == {"T"}
    client.open_socket(own_cluster.port).close()
    with pytest.raises(subprocess.TimeoutExpired):
        own_cluster.psql("SELECT 1", timeout=1)
    own_cluster.thaw()
    assert own_cluster.value("SELECT 1") == "1"
    own_cluster.freeze()
    own_cluster.stop()
    assert not own_cluster.is_running()


# httpd


def test_httpd_runs_as_the_unprivileged_account_with_two_children(site, scratch):
    server = site(sign_in=None)
    assert server.get("/data.json").json == {"document": True}
    assert len(server.children()) >= 2
    for pid in [server.pid, *server.children()]:
        assert processes.owner_of(pid) == scratch.account.uid


def test_httpd_that_refuses_its_configuration_says_why(site):
    server = site("NoSuchDirective On\n", sign_in=None, start=False)
    with pytest.raises(HttpdDied, match="NoSuchDirective"):
        server.start()
    status, said = server.configtest()
    assert status != 0 and "NoSuchDirective" in said
    server.configure("")
    assert server.configtest()[0] == 0
    server.start()
    assert server.get("/").status == 200


def test_words_of_the_configuration_must_stand_for_something(site):
    with pytest.raises(AssertionError, match="@ECHO@"):
        site("ProxyPass / http://@ECHO@/\n", sign_in=None)


def test_reload_returns_when_only_the_new_configuration_answers(site):
    server = site("Header set X-Generation 1\n", sign_in=None)
    old = server.children()
    server.configure("Header set X-Generation 2\n")
    assert server.get("/").header("X-Generation") == "1"
    server.reload()
    assert {server.get("/").header("X-Generation") for _ in range(20)} == {"2"}
    assert not set(old) & set(server.children())


def test_reload_waits_for_the_old_generation_s_last_request(site):
    server = site("Header set X-Generation 1\n", sign_in=None)
    old = server.children()
    with client.open_socket(server.port) as held:
        held.sendall(b"GET /slow-to-arrive HTTP/1.1\r\n")
        server.get("/")  # whoever accepts this has accepted the one before
        server.configure("Header set X-Generation 2\n")
        reload = threading.Thread(target=server.reload)
        reload.start()
        wait_for(lambda: server.get("/").header("X-Generation") == "2", what="the new generation")
        reload.join(timeout=0.5)
        assert reload.is_alive(), "the old generation has a request left"
        held.sendall(b"Host: localhost\r\nConnection: close\r\n\r\n")
        assert client.read_reply(held).status == 404
    reload.join()
    assert not any(processes.is_alive(pid) for pid in old)


def test_reload_under_load_loses_no_request(site):
    server = site(sign_in=None)
    done = threading.Event()
    answers = []

    def ask():
        while not done.is_set():
            answers.append(server.get("/").status)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_for(lambda: len(answers) > 20, what="answers before the reload")
    server.reload()
    before = len(answers)
    wait_for(lambda: len(answers) > before + 20, what="answers after the reload")
    done.set()
    asking.join()
    assert set(answers) == {200}


def test_reload_that_fails_is_noticed(site):
    server = site(sign_in=None)
    server.configure("NoSuchDirective On\n")
    with pytest.raises((HttpdDied, WaitedTooLong), match="NoSuchDirective|httpd"):
        server.reload(timeout=5)
    server.configure("")


def test_httpd_stops_and_leaves_no_child(site):
    server = site(sign_in=None)
    family = [server.pid, *server.children()]
    server.stop(graceful=True)
    assert not any(processes.is_alive(pid) for pid in family)
    server.start()
    family = [server.pid, *server.children()]
    server.kill()
    assert not any(processes.is_alive(pid) for pid in family)


# Who signs in


def test_passwords_name_the_person_s_organisation_in_the_environment(site):
    server = site(SHOW_PERSON, sign_in="password")
    assert server.get("/").status == 401
    assert server.get("/", headers=client.basic("alice", "wrong")).status == 401
    for person in (ALICE, BOB, CAROL):
        reply = server.get("/", headers=server.who(person))
        assert (reply.status, reply.header("X-Org"), reply.header("X-Role")) == (200, person.org, person.role)
    server.allow("AH01617")


def test_tokens_give_their_claims_in_the_environment(site):
    server = site(SHOW_CLAIMS, sign_in="token")
    reply = server.get("/", headers=server.who(BOB))
    assert (reply.status, reply.header("X-Org"), reply.header("X-Role")) == (200, "acme", "dispatcher")
    reply = server.get("/", headers=token(org_id="globex", role=["owner", "dispatcher"]))
    assert (reply.header("X-Org"), reply.header("X-Role")) == ("globex", "owner,dispatcher")


@pytest.mark.allowed_log("auth_openidc:error")
def test_tokens_that_are_wrong_or_over_are_refused(site):
    server = site(SHOW_CLAIMS, sign_in="token")
    assert server.get("/").status == 401
    good = server.who(ALICE)["Authorization"]
    assert server.get("/", headers={"Authorization": good[:-4] + "AAAA"}).status == 401
    assert server.get("/", headers=token(org_id="acme", exp=1)).status == 401
    assert server.get("/", headers={"OIDC_CLAIM_org_id": "acme"}).status == 401


@pytest.mark.parametrize("sign_in, show", [("token", SHOW_CLAIMS), ("password", SHOW_PERSON)])
def test_claims_are_there_on_proxied_paths_too(site, echo, sign_in, show):
    server = site(show + "ProxyPass /api http://@ECHO@/api\n", sign_in=sign_in, modules=["proxy_http"],
                  values={"ECHO": echo.address})
    reply = server.post("/api/jobs?page=2", headers=server.who(ALICE), body="a job")
    assert (reply.status, reply.header("X-Org")) == (200, "acme")
    assert (reply.json["method"], reply.json["path"], reply.json["body"]) == ("POST", "/api/jobs?page=2", "a job")


# The client


def test_client_keeps_connections_and_sends_chunks(site, echo):
    server = site("ProxyPass / http://@ECHO@/\n", sign_in=None, modules=["proxy_http"], values={"ECHO": echo.address})
    with client.Connection(server.port) as connection:
        assert connection.request("PUT", "/a", json={"b": 1}).json["body"] == '{"b": 1}'
        assert connection.request("POST", "/a", body=iter([b"one ", b"two"]), chunked=True).json["body"] == "one two"
        assert connection.request("HEAD", "/a").body == b""


@pytest.mark.allowed_log("AH00566", "AH02430", "AH10244")
def test_client_sends_what_no_client_would(site):
    server = site(sign_in=None)
    assert client.raw(server.port, b"GET / HTTP/9.9\r\n\r\n").status in (400, 505)
    assert client.raw(server.port, b"", end=True) is None
    assert client.raw(server.port, b"GET /%2e%2e/%2e%2e HTTP/1.0\r\n\r\n").status == 400


# The log


@pytest.fixture(scope="module")
def standing_site(module_site):
    return module_site(sign_in=None)


@pytest.mark.allowed_log("AH10244")
def test_a_file_s_server_is_judged_after_each_test(standing_site):
    assert client.raw(standing_site.port, b"GET /%2e%2e/ HTTP/1.0\r\n\r\n").status == 400


def test_what_one_test_may_log_no_other_may(standing_site):
    standing_site.assert_clean_log()
    assert client.raw(standing_site.port, b"GET /%2e%2e/ HTTP/1.0\r\n\r\n").status == 400
    with pytest.raises(DirtyLog, match="AH10244"):
        standing_site.assert_clean_log()


def test_a_planted_error_line_is_found(site):
    server = site("<Location /closed>\nRequire all denied\n</Location>\n",
                  sign_in=None)
    position = server.log.position()
    assert server.get("/closed").status == 403
    with pytest.raises(DirtyLog, match="AH01630"):
        server.log.assert_clean(position)
    server.assert_clean_log(allowed=["AH01630"])
    server.assert_clean_log()


def test_a_child_that_crashed_is_found(site):
    server = site(sign_in=None)
    os.kill(server.children()[0], signal.SIGSEGV)
    server.log.wait_for("exit signal Segmentation fault")
    with pytest.raises(DirtyLog, match="exit signal Segmentation fault"):
        server.assert_clean_log(allowed=["exit signal"])
    server.write("error.log", "")


@pytest.mark.parametrize("line", [
    "==1==ERROR: AddressSanitizer: heap-use-after-free", "table.c:7:3: runtime error: signed integer overflow",
    "[a] [core:notice] [pid 1] AH00052: child pid 2 exit signal Segmentation fault (11)", "x: Assertion `y' failed."])
def test_a_sanitizer_s_words_are_never_allowed(site, line):
    server = site(sign_in=None, start=False)
    server.write("error.log", f"[a] [core:notice] [pid 1] all is well\n{line}\n")
    assert server.log.unexpected(allowed=[line]) == [line]
    server.write("error.log", "")


# Around


def test_ports_are_never_given_twice():
    command = [sys.executable, "-c", "from harness.ports import reserve_port; print(*[reserve_port() for _ in range(300)]);"
               "input()"]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])}
    runs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            for _ in range(3)]
    ports = [port for run in runs for port in run.stdout.readline().split()]
    for run in runs:
        run.communicate("\n")
    assert len(ports) == 900 and len(set(ports)) == 900


def test_a_scratch_that_is_removed_ends_what_ran_in_it(scratch):
    made = Scratch(scratch.account)
    sleeper = processes.Process(made, ["sh", "-c", "sleep 600 & exec sleep 600"])
    child = wait_for(lambda: sleeper.children(), what="the child")[0]
    made.remove()
    wait_for(lambda: not sleeper.is_running() and not processes.is_alive(child), what="the end of both")
    assert not made.path.exists()


def test_scratch_goes_where_the_account_can_reach(scratch, monkeypatch, capsys):
    monkeypatch.setenv("ATTUNE_SCRATCH", str(scratch.path / "nowhere"))
    with Scratch(scratch.account) as made:
        assert made.path.parent != scratch.path and scratch.account.reaches(made.path)
        assert made.path.stat().st_uid == scratch.account.uid
    assert "cannot reach" in capsys.readouterr().err


def test_shares_are_whole_files_and_lose_nothing():
    class Item:
        def __init__(self, path):
            self.path = path

    items = [Item(path) for path in "aaaaabbbccd"]
    first, rest = choose_shard(items, 1, 2)
    second, _ = choose_shard(items, 2, 2)
    assert sorted(item.path for item in first + second) == sorted("aaaaabbbccd")
    assert {item.path for item in first}.isdisjoint(item.path for item in second)
    assert rest == second


def test_our_signatures_are_the_official_sdk_s(official_sdk):
    body = stripe_sign.encode(stripe_events.subscription_event(org="acmé"))
    at = stripe_events.now()
    assert official_sdk.sign(body, "whsec_a", at) == stripe_sign.signature_header(body, "whsec_a", timestamp=at)
    assert official_sdk.verify(body, stripe_sign.signature_header(body, ["whsec_b", "whsec_a"], v0=True), "whsec_a") is None
    assert "No signatures found" in official_sdk.verify(body, stripe_sign.signature_header(body, "whsec_b"), "whsec_a")
    assert "tolerance" in official_sdk.verify(body, stripe_sign.signature_header(body, "whsec_a", age=301), "whsec_a")


def test_events_have_both_shapes():
    now, before = (stripe_events.subscription_event("created", org="acme", legacy=legacy)["data"]["object"]
                   for legacy in (False, True))
    assert "current_period_end" in now["items"]["data"][0] and "current_period_end" not in now
    assert "current_period_end" in before and "current_period_end" not in before["items"]["data"][0]
    assert now["metadata"] == before["metadata"] == {"attune_org": "acme"}
    now, before = (stripe_events.invoice_event("paid", sub="sub_1", org="acme", legacy=legacy)["data"]["object"]
                   for legacy in (False, True))
    assert now["parent"]["subscription_details"]["subscription"] == before["subscription"] == "sub_1"
    assert "subscription" not in now and "parent" not in before
