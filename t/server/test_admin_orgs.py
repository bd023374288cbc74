# SPDX-License-Identifier: Apache-2.0
"""Operators look for orgs, and see how many there are, in a database that is large and mixed."""
import pytest

from harness import stripe_events
from harness.site import CATALOGUE
from operate_support import ADMIN, Node

SITE = CATALOGUE + f"BillingMount admin {ADMIN}\n"

# 60,000 orgs: the first half without a link, among the others few who owe. The case of letters tells bytes from words.
MANY = """
insert into billing.org (org_id) select 'bulk-' || to_char(n, 'FM00000') from generate_series(1, 60000) n;
insert into billing.link (org_id, livemode, provider, status)
    select 'bulk-' || to_char(n, 'FM00000'), false, 'stripe', case when n % 10000 = 1 then 'past_due' else 'active' end
    from generate_series(30001, 60000) n;
insert into billing.link (org_id, livemode, provider, status) values ('bulk-00001', true, 'stripe', 'canceled');
insert into billing.org (org_id) values ('Zeta'), ('alpha'), ('Beta_1'), ('beta-2'), ('beta.3'), ('beta:4');
analyze
"""


@pytest.fixture(scope="module")
def node(module_site, cluster, database):
    made = Node(module_site(SITE, database=cluster.conninfo(database), without=("BillingStripeSecretKey",)), cluster, database)
    made.sql(MANY)
    made.server.deliver(stripe_events.subscription_event("created", sub="sub_a", customer="cus_a", org="alpha",
                                                         status="active", price="price_founding_monthly"))
    return made


def walk(node, query):
    """All that a query finds, page by page, and how many pages it took."""
    found, after, pages = [], "", 0
    while after is not None:
        page = node.answer("GET", f"/orgs?{query}" + (f"&after={after}" if after else ""))
        found += [org["org"] for org in page["orgs"]]
        after, pages = page["next"], pages + 1
    return found, pages


def test_the_list_goes_by_the_bytes_of_the_id_page_by_page(node):
    found, pages = walk(node, "limit=200")
    assert len(found) == 60006 and found == sorted(found) and found[:2] == ["Beta_1", "Zeta"]
    assert pages == 301


@pytest.mark.parametrize("prefix, expected", [
    ("b", None), ("beta", ["beta-2", "beta.3", "beta:4"]), ("Beta_1", ["Beta_1"]), ("bulk-6", ["bulk-60000"]), ("c", [])])
def test_a_prefix_is_taken_as_it_is_written(node, prefix, expected):
    if expected is None:
        assert node.answer("GET", "/orgs?prefix=b")["orgs"][0]["org"] == "beta-2"
    else:
        assert walk(node, f"prefix={prefix}&limit=2")[0] == expected


def test_each_status_is_found_and_a_rare_one_in_bounded_looks(node):
    owing = ["bulk-30001", "bulk-40001", "bulk-50001"]
    assert walk(node, "status=past_due") == (owing, 1)
    assert walk(node, "status=past_due&limit=2&prefix=bulk-4") == (["bulk-40001"], 1)
    assert walk(node, "status=past_due&limit=2") == (owing, 2)
    found, pages = walk(node, "status=canceled")
    assert found == [] and pages == 4
    first = node.answer("GET", "/orgs?status=active&limit=1")["orgs"][0]
    assert (first["org"], first["planKey"], first["status"]) == ("alpha", "founding_monthly", "active")
    assert first["currentPeriodEnd"] and first["overrides"] == 0


def test_pages_are_read_from_their_index(node):
    """Whatever the planner likes best, what is left to it is an index in the order of the pages."""
    for source, index in (("billing.org x WHERE true", "org_listed"),
                          ("billing.link x WHERE x.livemode AND x.status = 'past_due'", "link_past_due")):
        plan = "\n".join(row[0] for row in node.sql(
            f"""explain select x.org_id from {source} and x.org_id collate "C" > 'bulk-3' and x.org_id collate "C" >= 'b'
                and x.org_id collate "C" < 'b' || '~' order by x.org_id collate "C" limit 50"""))
        assert index in plan and "Sort" not in plan, plan


def test_the_numbers_by_status_are_of_this_mode(node):
    counts = node.answer("GET", "/org-counts")
    assert counts["orgs"] == 60006
    assert counts["statuses"] == {"none": 30005, "active": 29998, "past_due": 3, "canceled": 0}


@pytest.mark.bad_input
@pytest.mark.parametrize("query", ["prefix=a%20b", "prefix=%25", "status=x", "status=ACTIVE", "limit=0", "limit=201", "limit=x",
                                   "after=a%2Fb", "x=1", "status=active&status=none", "prefix=" + "a" * 65])
def test_a_bad_query_is_refused(node, query):
    assert node.call("GET", f"/orgs?{query}").json["code"] == "invalid_query"


def test_what_the_provider_calls_the_org(node):
    provider = node.answer("GET", "/orgs/alpha")["provider"]
    assert (provider["name"], provider["customers"], provider["subscription"]) == ("stripe", ["cus_a"], "sub_a")
    (only,) = provider["subscriptions"]
    assert (only["providerStatus"], only["prices"], only["ended"]) == ("active", ["price_founding_monthly"], False)
    assert node.answer("GET", "/orgs/Zeta")["provider"]["subscriptions"] == []
