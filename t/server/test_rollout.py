# SPDX-License-Identifier: Apache-2.0
"""Switching a feature on in steps, at the path: who is denied and who only would be, by enforcement and policy."""
import hashlib
import time

import pytest

from gate_support import feature, signed, stop, subscribe
from harness import client, stripe_events
from harness.site import Person, token
from harness.waiting import wait_for

DAY = 86400
SINCE = "2026-01-01"  # BillingNewOrgsSince
BEFORE, AFTER = "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"

ENFORCE = "BillingEnforce enforce"
POLICIES = {
    "plain": (),
    "off": ("BillingEnforce off",),
    "monitor": ("BillingEnforce monitor",),
    "new": ("BillingEnforce new-orgs",),
    "enforce": (ENFORCE,),
    "percent30": (ENFORCE + " percent=30",),
    "percent0": (ENFORCE + " percent=0",),
    "newpercent0": ("BillingEnforce new-orgs percent=0",),
    "grace": (ENFORCE, "BillingPastDue grace=2d"),
    "allow": (ENFORCE, "BillingPastDue allow"),
    "readonly": (ENFORCE, "BillingPastDue read-only"),
    "deny": (ENFORCE, "BillingPastDue deny"),
    "except": (ENFORCE, "BillingExcept DELETE X-PURGE"),
    "apps": (ENFORCE, "BillingAppTypes trucking"),
}
PLAN = """
<BillingPlan everything>
    BillingPrice stripe price_founding_monthly
    BillingGrant {grants}
</BillingPlan>
""".format(grants=" ".join(f"f.{name}" for name in POLICIES))

CONFIG = f"""
BillingNewOrgsSince {SINCE}
ProxyPass "/" "http://@ECHO@/"
Header always set X-Decision "%{{BILLING_DECISION}}e %{{BILLING_REASON}}e %{{BILLING_FEATURE}}e"
<Location "/">
    BillingOrgCreated "%{{reqenv:OIDC_CLAIM_org_created}}"
    BillingAppType    "%{{reqenv:OIDC_CLAIM_app}}"
</Location>
"""

PAYER = Person("pat", "r-payer", "owner")
ENDED = Person("eva", "r-ended", "owner")
OVERDUE = Person("otto", "r-overdue", "owner")
LONG_OVERDUE = Person("lola", "r-long-overdue", "owner")
UNKNOWN = Person("uma", "r-unknown", "owner")


def policies():
    return PLAN + "".join(feature(f"f.{name}", *lines) for name, lines in POLICIES.items())


def gates():
    return "".join(f'<Location "/{name}">\n    BillingRequireFeature f.{name}\n</Location>\n' for name in POLICIES)


@pytest.fixture(scope="module")
def server(cluster, database, echo, module_site):
    made = module_site(policies() + CONFIG + gates() + TREE, database=cluster.conninfo(database),
                       modules=["proxy_http"], values={"ECHO": echo.address})
    now = int(time.time())
    subscribe(made, PAYER.org)
    subscribe(made, ENDED.org, "canceled")
    subscribe(made, OVERDUE.org, "past_due", created=now - DAY)
    subscribe(made, LONG_OVERDUE.org, "past_due", created=now - 3 * DAY)
    yield made
    stop(made)


def ask(server, path, person, method="GET", headers=None, **claims):
    return server.request(method, f"/{path}/x", headers={**signed(person, **claims), **(headers or {})})


def decision(answer):
    return answer.header("x-decision").split()[:2]


# A tree of sections, for merging

TREE = """
<Location "/tree">
    BillingRequireFeature f.monitor
</Location>
<Location "/tree/both">
    BillingRequireFeature f.enforce f.deny
</Location>
<Location "/tree/both/free">
    BillingRequireFeature none
</Location>
<Location "/tree/both/free/again">
    BillingRequireFeature f.deny
</Location>
<Location "/tree/both/403">
    BillingDenyStatus 403
</Location>
<Location "/tree/both/403/402">
    BillingDenyStatus 402
</Location>
"""


# Enforcement


@pytest.mark.parametrize("name", POLICIES)
def test_who_has_paid_is_let_in_everywhere(server, name):
    answer = ask(server, name, PAYER, app="trucking")
    assert answer.status == 200
    assert decision(answer) == ["allow", "mode_off" if name == "off" else "plan"]


@pytest.mark.parametrize("name, expected", [
    ("off", [200, "allow", "mode_off"]),
    ("plain", [200, "would-deny", "canceled"]),
    ("monitor", [200, "would-deny", "canceled"]),
    ("enforce", [402, "deny", "canceled"]),
    ("percent0", [200, "would-deny", "canceled"]),
])
def test_each_enforcement_for_one_whose_subscription_ended(server, name, expected):
    answer = ask(server, name, ENDED)
    assert [answer.status, *decision(answer)] == expected


def test_one_who_never_subscribed(server):
    answer = ask(server, "enforce", UNKNOWN)
    assert (answer.status, answer.json["reason"]) == (402, "no_subscription")


@pytest.mark.parametrize("created, status", [
    (None, 200), ("", 200), ("nonsense", 200), (BEFORE, 200), ("2025-12-31", 200), ("1767225599", 200),
    (AFTER, 402), ("2026-01-01", 402), ("1767225600", 402), ("1767225600000", 402), ("2026-01-01T00:00:00+01:00", 200),
])
def test_new_orgs_by_the_claim(server, created, status):
    claims = {} if created is None else {"org_created": created}
    answer = ask(server, "new", ENDED, **claims)
    assert answer.status == status
    assert decision(answer) == ["deny" if status == 402 else "would-deny", "canceled"]


def test_new_orgs_by_the_org_record(server, cluster, database):
    record = "INSERT INTO billing.org (org_id, created_at) VALUES ('{}', '{}')"
    cluster.psql(record.format("r-old", BEFORE) + ";" + record.format("r-new", AFTER), database)
    assert ask(server, "new", Person("o", "r-old", "owner")).status == 200
    assert ask(server, "new", Person("n", "r-new", "owner")).status == 402
    assert ask(server, "new", Person("n", "r-new", "owner"), org_created=BEFORE).status == 200  # the claim counts first


def test_an_age_that_an_operator_tells_later_counts_too(server, cluster, database):
    subscribe(server, "r-aging", "canceled")
    aging = Person("a", "r-aging", "owner")
    assert ask(server, "new", aging).status == 200
    cluster.psql(f"UPDATE billing.org SET created_at = '{AFTER}' WHERE org_id = 'r-aging';"
                 "UPDATE billing.link SET version = version + 1, changed = pg_current_xact_id() WHERE org_id = 'r-aging'",
                 database)
    wait_for(lambda: ask(server, "new", aging).status == 402, 10, "the change feed")


def test_first_sight_does_not_make_an_org_new(server, cluster, database):
    assert ask(server, "new", Person("f", "r-first", "owner")).status == 200
    assert cluster.value("SELECT count(*) FROM billing.org WHERE org_id = 'r-first'", database) == "0"
    assert cluster.value(f"SELECT count(*) FROM billing.org WHERE org_id = '{ENDED.org}' AND created_at IS NULL",
                         database) == "1"


def test_new_orgs_and_percent_must_both_hold(server):
    assert ask(server, "newpercent0", ENDED, org_created=AFTER).status == 200


def test_no_org_is_softened_by_monitor_alone(server):
    nobody = token(sub="nobody", org_created=BEFORE)
    for name in ("enforce", "new", "percent0", "newpercent0", "except"):
        answer = server.get(f"/{name}/x", headers=nobody)
        assert (answer.status, answer.json["reason"]) == (403, "no_org"), name
    for name, expected in {"monitor": ["would-deny", "no_org"], "off": ["allow", "mode_off"]}.items():
        answer = server.get(f"/{name}/x", headers=nobody)
        assert [answer.status, *decision(answer)] == [200, *expected]


# Percent


def share(key, org):
    return int.from_bytes(hashlib.sha256(f"{key}\0{org}".encode()).digest()[:4], "big") % 100


def test_percent_by_the_promised_hash(server):
    orgs = [f"r-share-{number}" for number in range(40)]
    denied = {org for org in orgs if ask(server, "percent30", Person("x", org, "owner")).status == 402}
    assert denied == {org for org in orgs if share("f.percent30", org) < 30}
    assert 0 < len(denied) < len(orgs)


def test_widening_puts_nobody_out_again(site, cluster, database, echo):
    orgs = [f"r-share-{number}" for number in range(25)]

    def config(percent):
        return (PLAN + "".join(feature(f"f.{name}", *lines) for name, lines in POLICIES.items() if name != "percent30")
                + feature("f.percent30", f"BillingEnforce enforce percent={percent}") + CONFIG + gates())
    denied = []
    for percent in (20, 60, 100):
        server = site(config(percent), database=cluster.conninfo(database), modules=["proxy_http"],
                      values={"ECHO": echo.address})
        denied.append({org for org in orgs if ask(server, "percent30", Person("x", org, "owner")).status == 402})
        server.stop()
    assert denied[0] < denied[1] < denied[2] == set(orgs)


# Past due


@pytest.mark.parametrize("name, person, method, expected", [
    ("grace", OVERDUE, "GET", [200, "allow", "grace"]),
    ("grace", OVERDUE, "POST", [200, "allow", "grace"]),
    ("grace", LONG_OVERDUE, "GET", [402, "deny", "past_due"]),
    ("enforce", LONG_OVERDUE, "POST", [200, "allow", "grace"]),  # grace=7d
    ("allow", LONG_OVERDUE, "POST", [200, "allow", "grace"]),
    ("deny", OVERDUE, "GET", [402, "deny", "past_due"]),
    ("readonly", LONG_OVERDUE, "GET", [200, "allow", "grace"]),
    ("readonly", LONG_OVERDUE, "HEAD", [200, "allow", "grace"]),
    ("readonly", OVERDUE, "POST", [402, "deny", "past_due"]),
    ("readonly", OVERDUE, "PUT", [402, "deny", "past_due"]),
    ("readonly", OVERDUE, "DELETE", [402, "deny", "past_due"]),
    ("readonly", OVERDUE, "OPTIONS", [402, "deny", "past_due"]),
    ("readonly", OVERDUE, "PROPFIND", [402, "deny", "past_due"]),
    ("readonly", OVERDUE, "GETX", [402, "deny", "past_due"]),
])
def test_past_due(server, name, person, method, expected):
    answer = ask(server, name, person, method)
    assert [answer.status, *decision(answer)] == expected


def test_unpaid_has_no_grace(server):
    subscribe(server, "r-unpaid", "unpaid")
    answer = ask(server, "grace", Person("u", "r-unpaid", "owner"))
    assert (answer.status, answer.json["reason"]) == (402, "past_due")


# Methods


@pytest.mark.parametrize("method, status", [
    ("DELETE", 200), ("X-PURGE", 501), ("GET", 402), ("POST", 402), ("PUT", 402), ("delete", 402), ("X-PURGES", 402),
    ("OPTIONS", 402), ("PATCH", 402), ("LOCK", 402),
])
def test_excepted_methods_are_not_gated(server, method, status):
    answer = ask(server, "except", ENDED, method)
    assert answer.status == status  # 501 is the backend's
    assert decision(answer) == (["deny", "canceled"] if status == 402 else ["allow", "method"])


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
                                    "x-http-method-override"])
@pytest.mark.parametrize("name, method, person", [("except", "DELETE", ENDED), ("readonly", "GET", OVERDUE)])
def test_an_override_header_makes_no_method_excepted(server, header, name, method, person):
    assert ask(server, name, person, method).status == 200
    for wanted in ("POST", "DELETE", "GET", ""):
        assert ask(server, name, person, method, {header: wanted}).status == 402


# App types


@pytest.mark.parametrize("claims, status", [({"app": "trucking"}, 200), ({"app": "bakery"}, 403), ({}, 403)])
def test_app_types(server, claims, status):
    answer = ask(server, "apps", PAYER, **claims)
    assert answer.status == status
    if status == 403:
        assert answer.json["reason"] == "app_type"


# Sections


@pytest.mark.parametrize("path, status, key", [
    ("tree", 200, "f.monitor"), ("tree/both", 402, "f.enforce"), ("tree/both/free", 200, None),
    ("tree/both/free/again", 402, "f.deny"), ("tree/both/403", 403, "f.enforce"), ("tree/both/403/402", 402, "f.enforce"),
])
def test_requirements_merge_down_the_tree(server, path, status, key):
    answer = ask(server, path, ENDED)
    assert answer.status == status
    if status != 200:
        assert answer.json["feature"] == key
    elif key:
        assert answer.header("x-decision") == f"would-deny canceled {key}"
    else:
        assert answer.header("x-decision") == "(null) (null) (null)"


def test_the_first_denial_is_reported_and_the_others_do_not_matter(server):
    """OVERDUE passes f.enforce by grace, so the second, f.deny, is the first denial."""
    answer = ask(server, "tree/both", OVERDUE)
    assert (answer.status, answer.json["feature"], answer.json["reason"]) == (402, "f.deny", "past_due")
    assert answer.header("x-decision") == "deny past_due f.deny"


def test_the_deny_status_is_for_money_alone(server):
    """Nobody's org: 403 by its kind; who is not signed in: 401."""
    assert server.get("/tree/both/402/x", headers=token(sub="nobody")).status == 403
    answer = ask(server, "tree/both/403", ENDED)
    assert (answer.status, answer.json["status"], answer.json["code"]) == (403, 403, "payment_required")


# What cannot be verified


def shut_off(cluster, database):
    """The database takes no connections and loses those it has."""
    cluster.psql(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false; '
                 f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


def back_on(cluster, database):
    cluster.psql(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')


@pytest.fixture
def own_database(cluster, migrated_template):
    name = cluster.create_database(template=migrated_template)
    yield name
    back_on(cluster, name)
    cluster.drop_database(name)


STALE = PLAN + "".join(feature(f"f.{name}", *lines) for name, lines in {
    "plain": (ENFORCE,), "enforce": (ENFORCE, "BillingStale max=24h then=deny"),
    "deny": (ENFORCE, "BillingStale max=3s then=deny"), "allow": (ENFORCE, "BillingStale max=3s then=allow"),
    "monitor": ("BillingEnforce monitor", "BillingStale max=3s then=deny")}.items())


@pytest.mark.allowed_log("ATB0202", "AH00629", "AH00633", "AH00636")  # the last three: mod_dbd in a new child
def test_stale_policies_while_the_database_is_away(site, cluster, own_database, echo):
    places = "".join(f'<Location "/{name}">\n    BillingRequireFeature f.{name}\n</Location>\n'
                     for name in ("plain", "enforce", "deny", "allow", "monitor"))
    server = site(STALE + CONFIG + places, database=cluster.conninfo(own_database), modules=["proxy_http"],
                  values={"ECHO": echo.address})
    subscribe(server, PAYER.org)
    subscribe(server, ENDED.org, "canceled")
    for name in ("plain", "enforce", "deny", "allow"):
        assert (ask(server, name, PAYER).status, ask(server, name, ENDED).status) == (200, 402)
    shut_off(cluster, own_database)
    answer = wait_for(lambda: (found := ask(server, "deny", PAYER)).status == 503 and found, 20, "the state to be too old")
    assert answer.json["reason"] == "unverified"
    assert int(answer.header("retry-after")) > 0
    assert [ask(server, "allow", ENDED).status, ask(server, "monitor", ENDED).status] == [200, 200]
    assert decision(ask(server, "allow", ENDED)) == ["allow", "unverified"]
    assert decision(ask(server, "monitor", PAYER)) == ["would-deny", "unverified"]
    # Younger than 24h: the last known state goes on serving.
    assert (ask(server, "enforce", PAYER).status, ask(server, "enforce", ENDED).status) == (200, 402)
    # Nothing is known of an org that was never asked for.
    assert [ask(server, name, UNKNOWN).status for name in ("plain", "allow", "enforce", "deny")] == [200, 200, 503, 503]
    back_on(cluster, own_database)
    wait_for(lambda: ask(server, "deny", PAYER).status == 200, 20, "the database to be back")
    assert ask(server, "deny", ENDED).status == 402


# The kill switch


def test_the_kill_switch_softens_every_denial_within_a_second(site, cluster, database, echo):
    server = site(policies() + CONFIG + gates() + 'BillingKillSwitch "@ROOT@/switch/off"\n',
                  database=cluster.conninfo(database), modules=["proxy_http"], values={"ECHO": echo.address}, start=False)
    (server.root / "switch").mkdir(mode=0o755)
    server.start()
    children = server.children()
    shut = [("enforce", ENDED, 402), ("deny", OVERDUE, 402), ("apps", PAYER, 403)]

    def statuses():
        return [ask(server, name, person).status for name, person, _ in shut]
    assert statuses() == [status for _, _, status in shut]
    (server.root / "switch/off").touch()
    thrown = time.time()
    wait_for(lambda: all(set(statuses()) == {200} for _ in range(4)), 5, "every child to see the kill switch")
    assert time.time() - thrown < 3
    assert decision(ask(server, "enforce", ENDED)) == ["would-deny", "canceled"]
    assert server.get("/enforce/x", headers=token(sub="nobody")).status == 200
    (server.root / "switch/off").unlink()
    wait_for(lambda: all(statuses() == [status for _, _, status in shut] for _ in range(4)), 5, "the gates to shut again")
    assert set(children) <= set(server.children())
