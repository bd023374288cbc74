# SPDX-License-Identifier: Apache-2.0
"""BillingRequireLimit: counted by the site's own statement, enforced in the same steps as features, and never in the way."""
import time

import pytest

from gate_support import PAYER, Person, feature, signed, stop, subscribe
from harness import client
from harness.site import CATALOGUE, token
from harness.waiting import wait_for
from node_support import AWAY

KEY = "trucking.maxLocations"
COUNT = '"SELECT count(*) FROM depot WHERE org = %s"'
BY_LOCATION = '"SELECT count(*) FROM depot WHERE org = %s AND place = %s"'

CONFIG = CATALOGUE + """
<BillingPlan bare>
    BillingPrice stripe price_bare
    BillingGrant trucking.dispatch
</BillingPlan>
""" + feature("depots.enforced", "BillingEnforce enforce", f"BillingUses {KEY}") + feature(
    "depots.watched", "BillingEnforce monitor", f"BillingUses {KEY}") + feature(
    "depots.new", "BillingEnforce new-orgs", f"BillingUses {KEY}") + feature(
    "depots.strict", "BillingEnforce enforce", f"BillingUses {KEY}", "BillingStale max=1h then=deny") + feature(
    "depots.other", "BillingEnforce enforce") + """
<BillingPlan grants>
    BillingGrant depots.enforced depots.watched depots.new depots.strict depots.other
</BillingPlan>
BillingNewOrgsSince 2026-01-01
ProxyPass "/" "http://@ECHO@/"
Header always set X-Decision "%{BILLING_DECISION}e %{BILLING_REASON}e %{BILLING_FEATURE}e"
<Location "/">
    BillingOrgCreated "%{reqenv:OIDC_CLAIM_org_created}"
    BillingLocation   "%{reqenv:OIDC_CLAIM_depot}"
</Location>
"""


def place(path, *lines):
    return f'<Location "{path}">\n' + "".join(f"    {line}\n" for line in lines) + "</Location>\n"


def limited(path, statement=COUNT, *lines, key=KEY, methods="methods=POST,PUT"):
    return place(path, f"BillingRequireLimit {key} {statement} {methods}", *lines)


def everyone_enforced(text):
    return "BillingEnforceDefault enforce\n" + text


FULL = Person("fay", "l-full", "owner")        # 5 of 5
ROOM = Person("ron", "l-room", "owner")        # 4 of 5
ENDLESS = Person("eli", "l-endless", "owner")  # unlimited
BARE = Person("ben", "l-bare", "owner")        # no limit set
NEVER = Person("nat", "l-never", "owner")      # never subscribed, many depots


def populate(server, cluster, database):
    cluster.psql("""CREATE TABLE IF NOT EXISTS depot (org text, place text, name text);
        DELETE FROM depot;
        INSERT INTO depot SELECT 'l-full', CASE WHEN n < 4 THEN 'east' ELSE 'west' END, n::text FROM generate_series(1, 5) n;
        INSERT INTO depot SELECT 'l-room', 'east', n::text FROM generate_series(1, 4) n;
        INSERT INTO depot SELECT org, 'east', n::text FROM generate_series(1, 99) n,
            unnest(ARRAY['l-endless', 'l-bare', 'l-never']) org;""", database, superuser=False)
    subscribe(server, FULL.org)
    subscribe(server, ROOM.org)
    subscribe(server, ENDLESS.org, price="price_fleet_monthly")
    subscribe(server, BARE.org, price="price_bare")
    return server


@pytest.fixture(scope="module")
def server(cluster, database, echo, module_site):
    config = everyone_enforced(CONFIG) + (
        limited("/plain")
        + limited("/default", methods="")
        + limited("/watched", COUNT, "BillingRequireFeature depots.watched")
        + limited("/new", COUNT, "BillingRequireFeature depots.new")
        + limited("/both", COUNT, "BillingRequireFeature depots.watched depots.strict")
        + limited("/other", COUNT, "BillingRequireFeature depots.other")
        + limited("/status", COUNT, "BillingDenyStatus 403")
        + limited("/east", BY_LOCATION, "BillingDenyStatus 402")
        + limited("/nothing", '"SELECT 1 WHERE %s::text IS NULL"')
        + limited("/null", '"SELECT NULL::int WHERE %s::text IS NOT NULL"')
        + limited("/words", '"SELECT %s || \'!\'"')
        + limited("/writes", '"WITH gone AS (DELETE FROM depot WHERE org = %s RETURNING 1) SELECT count(*) FROM gone"')
        + limited("/wrong", '"SELECT count(*) FROM no_such_table WHERE org = %s"')
        + limited("/typed", '"SELECT count(*) FROM generate_series(1, 7) WHERE %s::uuid IS NOT NULL"')
        + limited("/percent", '"SELECT count(*) FROM depot WHERE org = %s AND name LIKE \'%%\'"')
        + limited("/slow", '"SELECT count(*) FROM pg_sleep(600) WHERE %s::text IS NOT NULL"')
        + limited("/strictslow", '"SELECT count(*) FROM pg_sleep(600) WHERE %s::text IS NOT NULL"',
                  "BillingRequireFeature depots.strict")
        + limited("/tree") + limited("/tree/more", '"SELECT 7 WHERE %s::text IS NOT NULL"', key="trucking.maxTrucks")
    )
    made = module_site(config, database=cluster.conninfo(database), modules=["proxy_http"], values={"ECHO": echo.address})
    made = populate(made, cluster, database)
    yield made
    stop(made)


def ask(server, path, person, method="POST", headers=None, **claims):
    return server.request(method, f"/{path}/x", headers={**signed(person, **claims), **(headers or {})})


def decision(answer):
    return answer.header("x-decision").split()


# Counting


@pytest.mark.parametrize("person, status", [(FULL, 402), (ROOM, 200), (ENDLESS, 200), (BARE, 200), (NEVER, 200)])
def test_refused_where_the_count_has_reached_the_limit(server, person, status):
    assert ask(server, "plain", person).status == status


def test_what_a_refusal_says(server):
    answer = ask(server, "plain", FULL)
    assert answer.header("content-type") == "application/problem+json"
    body = answer.json
    assert (body["reason"], body["limitKey"], body["limit"], body["usage"]) == ("limit", KEY, 5, 5)
    assert (body["planKey"], body["code"], body["status"]) == ("founding_monthly", "payment_required", 402)
    assert "feature" not in body
    assert body["plans"] == ["fleet_monthly", "bare", "grants"]  # those that leave room
    assert decision(answer) == ["deny", "limit", KEY]


def test_the_count_is_of_the_moment(server, cluster, database):
    assert ask(server, "plain", ROOM).status == 200
    cluster.psql("INSERT INTO depot VALUES ('l-room', 'west', '5')", database)
    assert ask(server, "plain", ROOM).status == 402
    cluster.psql("DELETE FROM depot WHERE org = 'l-room' AND name = '5'", database)
    assert ask(server, "plain", ROOM).status == 200


def test_an_override_sets_the_limit(server, cluster, database):
    cluster.psql("INSERT INTO billing.override (org_id, livemode, kind, key, limit_value) "
                 f"VALUES ('l-full', false, 'limit', '{KEY}', 6); UPDATE billing.link SET version = version + 1, "
                 "changed = pg_current_xact_id() WHERE org_id = 'l-full'", database)
    wait_for(lambda: ask(server, "plain", FULL).status == 200, 10, "the change feed")
    cluster.psql("DELETE FROM billing.override WHERE org_id = 'l-full'; UPDATE billing.link SET version = version + 1, "
                 "changed = pg_current_xact_id() WHERE org_id = 'l-full'", database)
    wait_for(lambda: ask(server, "plain", FULL).status == 402, 10, "the change feed")


@pytest.mark.parametrize("path, methods", [
    ("plain", {"POST": 402, "PUT": 402, "GET": 200, "HEAD": 200, "DELETE": 200, "PATCH": 200}),
    ("default", {"POST": 402, "PUT": 200, "GET": 200, "DELETE": 200}),
])
def test_methods(server, path, methods):
    assert {method: ask(server, path, FULL, method).status for method in methods} == methods


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_an_override_header_hides_no_method(server, header):
    assert ask(server, "plain", FULL, "GET", {header: "POST"}).status == 402
    assert ask(server, "plain", ROOM, "GET", {header: "POST"}).status == 200


@pytest.mark.parametrize("depot, status", [("east", 200), ("west", 200), (None, 200)])
def test_by_location(server, depot, status):
    """3 east and 2 west: neither alone has reached 5. Without a location the statement gets NULL."""
    assert ask(server, "east", FULL, **({"depot": depot} if depot else {})).status == status


def test_a_full_location(server, cluster, database):
    cluster.psql("INSERT INTO depot SELECT 'l-full', 'north', n::text FROM generate_series(1, 5) n", database)
    assert [ask(server, "east", FULL, depot=depot).status for depot in ("north", "east")] == [402, 200]
    cluster.psql("DELETE FROM depot WHERE place = 'north'", database)


def test_a_deny_status(server):
    assert ask(server, "status", FULL).status == 403


def test_limits_add_up_down_the_tree(server):
    assert ask(server, "tree/more", FULL).json["limitKey"] == KEY
    assert ask(server, "tree/more", ROOM).status == 200  # nothing sets trucking.maxTrucks


@pytest.mark.parametrize("path, person, status", [("nothing", FULL, 200), ("percent", FULL, 402), ("percent", ROOM, 200)])
def test_statements(server, path, person, status):
    assert ask(server, path, person).status == status


# Enforcement


def granted(server, cluster, database, *orgs):
    """By override, since no plan that is sold grants these."""
    for org in orgs:
        cluster.psql("INSERT INTO billing.override (org_id, livemode, kind, key) SELECT "
                     f"'{org}', false, 'grant', key FROM unnest(ARRAY['depots.enforced', 'depots.watched', 'depots.new', "
                     "'depots.strict', 'depots.other']) key; UPDATE billing.link SET version = version + 1, "
                     f"changed = pg_current_xact_id() WHERE org_id = '{org}'", database)


@pytest.fixture(scope="module")
def with_grants(server, cluster, database):
    granted(server, cluster, database, FULL.org, ROOM.org)
    wait_for(lambda: ask(server, "other", ROOM).status == 200, 10, "the change feed")
    return server


@pytest.mark.parametrize("path, claims, expected", [
    ("watched", {}, [200, "would-deny", "limit", "depots.watched"]),
    ("new", {}, [200, "would-deny", "limit", "depots.new"]),
    ("new", {"org_created": "2026-05-01"}, [402, "deny", "limit", "depots.new"]),
    ("both", {}, [402, "deny", "limit", "depots.strict"]),
    ("other", {}, [402, "deny", "limit", KEY]),  # its feature does not use the limit: BillingEnforceDefault
])
def test_each_policy_at_the_same_place(with_grants, path, claims, expected):
    answer = ask(with_grants, path, FULL, **claims)
    assert [answer.status, *decision(answer)] == expected
    if path == "both":
        assert (answer.json["feature"], answer.json["limitKey"]) == ("depots.strict", KEY)
    assert ask(with_grants, path, ROOM, **claims).status == 200


@pytest.mark.parametrize("default, expected", [
    ("", [200, "would-deny", "limit"]), ("BillingEnforceDefault monitor\n", [200, "would-deny", "limit"]),
    ("BillingEnforceDefault off\n", [200, "(null)", "(null)"]),
    ("BillingEnforceDefault new-orgs\n", [200, "would-deny", "limit"]),
    ("BillingEnforceDefault enforce percent=0\n", [200, "would-deny", "limit"]),
    ("BillingEnforceDefault enforce\n", [402, "deny", "limit"]),
])
def test_the_default_enforcement(site, cluster, database, echo, default, expected):
    server = populate(site(default + CONFIG + limited("/plain"), database=cluster.conninfo(database),
                           modules=["proxy_http"], values={"ECHO": echo.address}), cluster, database)
    answer = ask(server, "plain", FULL)
    assert [answer.status, *decision(answer)[:2]] == expected


def test_the_kill_switch(site, cluster, database, echo):
    server = site(everyone_enforced(CONFIG) + limited("/plain") + 'BillingKillSwitch "@ROOT@/switch/off"\n', start=False,
                  database=cluster.conninfo(database), modules=["proxy_http"], values={"ECHO": echo.address})
    (server.root / "switch").mkdir(mode=0o755)
    (server.root / "switch/off").touch()
    populate(server.start(), cluster, database)
    answer = ask(server, "plain", FULL)
    assert [answer.status, *decision(answer)[:2]] == [200, "would-deny", "limit"]


# Whose limit


@pytest.mark.allowed_log("oidc_oauth")
def test_no_org_is_no_way_around(server):
    for path in ("plain", "both"):
        assert server.post(f"/{path}/x", headers=token(sub="nobody")).status == 403
        assert server.post(f"/{path}/x").status == 401
    assert server.get("/plain/x", headers=token(sub="nobody")).status == 200


@pytest.mark.allowed_log("oidc_oauth")
def test_where_the_site_lets_everybody_in_the_limit_makes_httpd_authenticate(site, cluster, database, echo):
    config = everyone_enforced(CONFIG) + place("/", "Require all granted") + limited("/plain")
    server = populate(site(config, database=cluster.conninfo(database), modules=["proxy_http"],
                           values={"ECHO": echo.address}), cluster, database)
    assert ask(server, "plain", FULL).status == 402
    assert ask(server, "plain", ROOM).status == 200
    assert server.post("/plain/x").status == 401
    assert server.get("/plain/x").status == 200


# Statements that go wrong: nobody is locked out, unless the feature says so, and nothing is written


@pytest.mark.allowed_log("ATB0342")
@pytest.mark.parametrize("path", ["wrong", "words", "null", "typed", "writes"])
def test_a_statement_that_goes_wrong_locks_nobody_out(server, path):
    assert [ask(server, path, FULL).status for _ in range(3)] == [200, 200, 200]
    assert ask(server, "plain", FULL).status == 402  # the connections are as good as before


@pytest.mark.allowed_log("ATB0342")
@pytest.mark.parametrize("statement, words", [
    ('"SELECT count(*) FROM no_such_table WHERE org = %s"', "no_such_table"),
    ('"SELECT %s || \'!\'"', "no whole number"),
    ('"SELECT nextval(\'numbers\') WHERE %s::text IS NOT NULL"', "read-only transaction"),
])
def test_an_operator_is_told_which_statement_and_why_and_not_all_the_time(site, cluster, database, echo, statement, words):
    cluster.psql("CREATE SEQUENCE IF NOT EXISTS numbers; GRANT ALL ON numbers TO PUBLIC", database)
    config = everyone_enforced(CONFIG) + limited("/x", statement)
    server = populate(site(config, database=cluster.conninfo(database), modules=["proxy_http"],
                           values={"ECHO": echo.address}), cluster, database)
    for _ in range(12):
        assert ask(server, "x", FULL).status == 200
    told = [line for line in server.log.lines(level="error") if "ATB0342" in line]
    assert all(words in line and KEY in line and "httpd.conf:" in line for line in told)
    assert 1 <= len(told) <= 2 * len(server.children())  # once a minute for each child, and a minute may end


@pytest.mark.allowed_log("ATB0342")
def test_a_statement_cannot_write(server, cluster, database):
    before = cluster.value("SELECT count(*) FROM depot WHERE org = 'l-full'", database)
    for _ in range(3):
        ask(server, "writes", FULL)
    assert cluster.value("SELECT count(*) FROM depot WHERE org = 'l-full'", database) == before == "5"


@pytest.mark.allowed_log("ATB0342")
def test_a_slow_statement_is_given_up(with_grants, cluster, database):
    assert ask(with_grants, "slow", FULL).status == 200
    answer = ask(with_grants, "strictslow", FULL)
    assert (answer.status, answer.json["reason"]) == (503, "unverified")
    # The server cancelled it itself, so no backend goes on with it.
    wait_for(lambda: cluster.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%'"
                                   " AND pid <> pg_backend_pid()", database) == "0", what="the statement to end")
    assert ask(with_grants, "plain", FULL).status == 402


@pytest.mark.allowed_log("ATB0342")
def test_slow_statements_stand_in_nobodys_way(with_grants, cluster, database):
    """More of them than the database may have connections: webhooks and cold orgs are served all the same."""
    import threading
    threads = [threading.Thread(target=ask, args=(with_grants, "slow", FULL)) for _ in range(14)]
    for thread in threads:
        thread.start()
    subscribe(with_grants, f"l-during-{time.time_ns()}")
    assert ask(with_grants, "other", Person("x", f"l-cold-{time.time_ns()}", "owner")).status == 402
    for thread in threads:
        thread.join()


@pytest.mark.allowed_log("ATB0342")
def test_a_database_that_is_away(site, cluster, migrated_template, echo):
    name = cluster.create_database(template=migrated_template)
    config = everyone_enforced(CONFIG) + limited("/plain") + limited("/strict", COUNT, "BillingRequireFeature depots.strict")
    server = populate(site(config, database=cluster.conninfo(name), modules=["proxy_http"],
                           values={"ECHO": echo.address}), cluster, name)
    server.allow(*AWAY)
    granted(server, cluster, name, FULL.org)
    wait_for(lambda: ask(server, "strict", FULL).headers and ask(server, "strict", FULL).json.get("reason") == "limit",
             what="the change feed")
    cluster.psql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    # More than once: one that was just being opened is not seen the first time.
    wait_for(lambda: cluster.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                   f" WHERE datname = '{name}'") == "0", what="nobody to be connected")
    wait_for(lambda: [ask(server, "plain", FULL).status for _ in range(8)] == [200] * 8, what="no child to count any more")
    assert [ask(server, "plain", FULL).status, ask(server, "strict", FULL).status] == [200, 503]
    assert ask(server, "plain", FULL, "GET").status == 200
    cluster.psql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    wait_for(lambda: ask(server, "plain", FULL).status == 402, what="the database to be back")
    server.stop(graceful=True)
    cluster.drop_database(name)
