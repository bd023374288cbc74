# SPDX-License-Identifier: Apache-2.0
# The Stripe simulator's API: keys, parameters, idempotency, lists, errors, faults of calls.
import http.client
import json
import subprocess
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from simulator_support import (MONTHLY, TOP, _driver, customer_of, error_of, receiver,  # noqa: F401
                               session_of, sim, subscription_of)
from stripe_simulator.driver import RUN, Driver

FIXTURES = TOP.parent / "shared" / "fixtures"


# Keys


@pytest.mark.parametrize("key", [None, "nonsense", "sk_live_0123456789", "rk_live_0123456789", "pk_test_0123456789",
                                 "sk_org_live_0123456789"])
def test_only_a_secret_test_key_is_accepted(sim, key):
    reply = sim.api("GET", "customers", key=key)
    error = error_of(reply, 401)
    assert error["type"] == "invalid_request_error"
    assert "Request-Id" not in reply.headers
    if key and "live" in key:
        assert "live" in error["message"] or "Invalid API Key" in error["message"]
    assert sim.get("requests") == []


def test_a_live_key_stops_the_start():
    ended = subprocess.run([str(RUN), "--key", "sk_live_0123456789"], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert "refuses live keys" in ended.stderr
    assert "0123456789" not in ended.stderr


def test_a_chosen_key_is_the_only_one():
    with Driver.start("--key", "sk_test_chosen") as chosen:
        assert chosen.api("GET", "customers", key="sk_test_chosen").status == 200
        assert chosen.api("GET", "customers", key="sk_test_other").status == 401


def test_basic_authentication_is_the_same_key(sim):
    reply = sim.api("GET", "customers", key=None, Authorization="Basic c2tfdGVzdF9hYmNkMTIzNDo=")
    assert reply.status == 200


# Parameters


@pytest.mark.parametrize("path, params, code, param", [
    ("customers", {"emial": "a@b.c"}, "parameter_unknown", "emial"),
    ("customers", {"email": {"a": "b"}}, None, "email"),
    ("customers", {"balance": "many"}, "parameter_invalid_integer", "balance"),
    ("customers", {"metadata": {"k" * 41: "v"}}, None, "metadata"),
    ("customers", {"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
    ("prices", {"unit_amount": 1}, "parameter_missing", "currency"),
    ("prices", {"currency": "xxx", "unit_amount": 1}, None, "currency"),
    ("checkout/sessions", {"success_url": "https://a.b"}, "parameter_missing", "mode"),
    ("checkout/sessions", {"mode": "subscription", "success_url": "https://a.b"}, "parameter_missing", "line_items"),
    ("checkout/sessions", {"mode": "subscribe"}, None, "mode"),
    ("checkout/sessions", {"mode": "subscription", "success_url": "nowhere"}, "url_invalid", "success_url"),
    ("checkout/sessions", {"mode": "subscription", "subscription_data": {"metdata": {"a": "b"}}},
     "parameter_unknown", "subscription_data[metdata]"),
    ("checkout/sessions", {"mode": "subscription", "client_reference_id": "x" * 201}, None, "client_reference_id"),
    ("billing_portal/sessions", {"return_url": "https://a.b"}, "parameter_missing", "customer"),
    ("subscriptions", {"items": [{"price": "price_monthly"}]}, "parameter_missing", "customer"),
])
def test_bad_parameters_are_refused_as_stripe_does(sim, path, params, code, param):
    error = error_of(sim.api("POST", path, params), 400)
    assert error["type"] == "invalid_request_error"
    assert (error.get("code"), error.get("param")) == (code, param)


@pytest.mark.parametrize("change, wanted", [
    ({"line_items": [{"price": "price_nowhere", "quantity": 1}]}, "No such price: 'price_nowhere'"),
    ({"line_items": [{"price": "price_once", "quantity": 1}]}, "at least one recurring price"),
    ({"mode": "payment"}, "passed a recurring price"),
    ({"line_items": [{"price": "price_monthly"}]}, "Quantity is required"),
    ({"customer": "cus_nobody"}, "No such customer"),
    ({"expires_at": 1}, "between 30 minutes and 24 hours"),
    ({"payment_method_types": ["card"]}, "unknown parameter: payment_method_types"),
    ({"customer_creation": "always"}, "`payment` and `setup`"),
])
def test_what_checkout_cannot_do_is_refused(sim, change, wanted):
    reply = sim.api("POST", "checkout/sessions", {
        "mode": "subscription", "line_items": [{"price": "price_monthly", "quantity": 1}],
        "success_url": "https://a.b", **change})
    assert wanted in error_of(reply, 400)["message"]


def test_removed_parameters_go_by_the_version(sim):
    params = {"mode": "subscription", "line_items": [{"price": "price_monthly", "quantity": 1}],
              "success_url": "https://a.b", "payment_method_types": ["card"]}
    assert sim.api("POST", "checkout/sessions", params, version="2026-03-25.dahlia").status == 200
    assert sim.api("POST", "checkout/sessions", params, version="2026-10-28.endive").status == 400
    assert "Invalid Stripe API version" in error_of(sim.api("GET", "customers", version="newest"), 400)["message"]


def test_an_id_of_live_mode_says_so(sim):
    sim.post("live_ids", ids=["price_live"])
    reply = sim.api("POST", "checkout/sessions", {
        "mode": "subscription", "line_items": [{"price": "price_live", "quantity": 1}], "success_url": "https://a.b"})
    assert "a similar object exists in live mode" in error_of(reply, 400)["message"]


@pytest.mark.parametrize("body", ["a=1&a[b]=2", "a[b]=1&a=2", "a[b=1", "=1", "email=%ff", "[]=1", "a[]=1&a[b]=2",
                                  "&".join(f"metadata[{n}]=1" for n in range(1001)), "a" + "[b]" * 20 + "=1"])
def test_forms_that_make_no_sense_are_refused(sim, body):
    reply = sim.request("POST", "/v1/customers", body, {"Authorization": "Bearer sk_test_abcd1234",
                                                        "Content-Type": "application/x-www-form-urlencoded"})
    assert error_of(reply, 400)["type"] == "invalid_request_error"


def test_json_is_not_a_form(sim):
    reply = sim.request("POST", "/v1/customers", "{}", {"Authorization": "Bearer sk_test_abcd1234",
                                                        "Content-Type": "application/json"})
    assert "application/x-www-form-urlencoded" in error_of(reply, 400)["message"]


def test_unknown_paths_and_objects(sim):
    assert "Unrecognized request URL" in error_of(sim.api("GET", "charges"), 404)["message"]
    error = error_of(sim.api("GET", "subscriptions/sub_1"), 404)
    assert (error["code"], error["param"]) == ("resource_missing", "id")
    assert sim.api("GET", "customers/cus_%2F..%2F").status == 404


def test_too_much_is_not_read(sim):
    assert sim.request("POST", "/v1/customers", "x" * (1 << 20) + "y").status == 413


# Idempotency


def test_the_first_answer_is_given_again(sim):
    first = sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k")
    again = sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k")
    assert again.text == first.text
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"] != again.headers["Request-Id"]
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == "k"
    assert len(sim.get("state/customer")["customer"]) == 1
    assert [request["replayed"] for request in sim.get("requests")] == [False, True]


def test_a_key_belongs_to_its_parameters_and_its_path(sim):
    customer = sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k").body["id"]
    for path, params in (("customers", {"email": "x@b.c"}), (f"customers/{customer}", {"email": "a@b.c"})):
        error = error_of(sim.api("POST", path, params, idempotency_key="k"), 400)
        assert error["type"] == "idempotency_error"
        assert "code" not in error


def test_errors_of_the_endpoint_are_remembered_and_refusals_before_it_are_not(sim):
    params = {"customer": "cus_nobody", "return_url": "https://a.b"}
    assert sim.api("POST", "billing_portal/sessions", params, idempotency_key="k").status == 400
    again = sim.api("POST", "billing_portal/sessions", params, idempotency_key="k")
    assert (again.status, again.headers["Idempotent-Replayed"]) == (400, "true")
    assert sim.api("POST", "customers", {"nonsense": 1}, idempotency_key="v").status == 400
    assert sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="v").status == 200
    assert sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="w", key="sk_live_12345678").status == 401
    assert sim.api("POST", "customers", {"email": "x@b.c"}, idempotency_key="w").status == 200


def test_a_key_at_work_is_in_use(sim):
    sim.post("faults", on="api", kind="delay", seconds=1.0)
    replies = []
    first = threading.Thread(target=lambda: replies.append(
        sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k")))
    first.start()
    while not sim.get("requests"):
        time.sleep(0.005)
    error = error_of(sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k"), 409)
    assert error["code"] == "idempotency_key_in_use"
    first.join()
    assert replies[0].status == 200
    assert sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k").text == replies[0].text


def test_keys_last_a_day_of_the_simulators_clock(sim):
    first = sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k").body["id"]
    sim.advance("23h")
    assert sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k").body["id"] == first
    sim.advance("1h")
    assert sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k").body["id"] != first


def test_work_with_an_answer_that_cannot_be_given_is_still_remembered(sim):
    for _ in range(2):
        assert sim.api("POST", "customers", {"expand": ["nonsense"]}, idempotency_key="k").status == 400
    assert len(sim.get("state/customer")["customer"]) == 1


def test_get_and_delete_have_no_keys(sim):
    customer = customer_of(sim)
    for _ in range(2):
        reply = sim.api("GET", f"customers/{customer['id']}", idempotency_key="k")
        assert "Idempotent-Replayed" not in reply.headers
    assert sim.api("POST", "customers", {"email": "k" * 20}, idempotency_key="k" * 256).status == 400


# Lists and expansion


def test_lists_are_newest_first_in_pages(sim):
    made = [customer_of(sim)["id"] for _ in range(5)][::-1]
    first = sim.api("GET", "customers", {"limit": 2}).body
    assert [entry["id"] for entry in first["data"]] == made[:2]
    assert first["has_more"] is True
    second = sim.api("GET", "customers", {"limit": 3, "starting_after": made[1]}).body
    assert ([entry["id"] for entry in second["data"]], second["has_more"]) == (made[2:], False)
    before = sim.api("GET", "customers", {"limit": 2, "ending_before": made[3]}).body
    assert ([entry["id"] for entry in before["data"]], before["has_more"]) == (made[1:3], True)
    assert error_of(sim.api("GET", "customers", {"starting_after": "cus_nobody"}), 400)["param"] == "starting_after"
    assert sim.api("GET", "customers", {"limit": 101}).status == 400


def test_customers_are_found_by_mail_and_metadata(sim):
    wanted = customer_of(sim, email="Find@Example.org", metadata={"attune_org": "org:1"})
    customer_of(sim, email="other@example.org")
    assert [entry["id"] for entry in sim.api("GET", "customers", {"email": "Find@Example.org"}).body["data"]] == [
        wanted["id"]]
    for query in ("metadata['attune_org']:'org:1'", "email~'find'", "email:'find@example.org' AND -name:'x'"):
        found = sim.api("GET", "customers/search", {"query": query}).body
        assert [entry["id"] for entry in found["data"]] == [wanted["id"]], query
    assert sim.api("GET", "customers/search", {"query": "what?"}).status == 400


def test_deleted_customers_are_a_stub(sim):
    subscription = subscription_of(sim)
    assert sim.api("DELETE", f"customers/{subscription['customer']}").body["deleted"] is True
    assert sim.api("GET", f"customers/{subscription['customer']}").body == {
        "id": subscription["customer"], "object": "customer", "deleted": True}
    assert sim.api("GET", f"subscriptions/{subscription['id']}").body["status"] == "canceled"
    assert sim.api("POST", "billing_portal/sessions", {"customer": subscription["customer"]}).status == 400


def test_expansion(sim):
    subscription = subscription_of(sim)
    path = f"subscriptions/{subscription['id']}"
    expanded = sim.api("GET", path, {"expand": [
        "customer", "latest_invoice.payments", "items.data.price.product"]}).body
    assert expanded["customer"]["object"] == "customer"
    assert expanded["latest_invoice"]["payments"]["data"][0]["status"] == "paid"
    assert expanded["items"]["data"][0]["price"]["product"]["name"] == "Founding member"
    assert sim.api("GET", path).body["customer"] == subscription["customer"]
    assert "cannot be expanded" in error_of(sim.api("GET", path, {"expand": ["status"]}), 400)["message"]
    assert sim.api("GET", "subscriptions", {"expand": ["data.customer"]}).body["data"][0]["customer"]["email"]


def test_subscriptions_are_listed_by_status(sim):
    over, on = subscription_of(sim), subscription_of(sim)
    sim.api("DELETE", f"subscriptions/{over['id']}")
    ids = lambda **params: [entry["id"] for entry in sim.api("GET", "subscriptions", params).body["data"]]  # noqa: E731
    assert ids() == [on["id"]]
    assert ids(status="all") == [on["id"], over["id"]]
    assert ids(status="canceled") == ids(status="ended") == [over["id"]]
    assert ids(customer=over["customer"]) == []
    assert ids(customer=over["customer"], status="all") == [over["id"]]


# The wire


def test_headers(sim):
    sim.post("clock", freeze=True)
    reply = sim.api("GET", "customers", version="2026-03-25.dahlia", Stripe_Account="acct_9")
    assert reply.headers["Stripe-Version"] == "2026-03-25.dahlia"
    assert reply.headers["Stripe-Account"] == "acct_9"
    assert reply.headers["Request-Id"].startswith("req_")
    assert parsedate_to_datetime(reply.headers["Date"]).timestamp() == sim.get("clock")["now"]


def test_connections_are_kept_alive(sim):
    parts = urlsplit(sim.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/v1/customers", headers={"Authorization": "Bearer sk_test_abcd1234"})
        connection.getresponse().read()
        ports.add(connection.sock.getsockname()[1])
    connection.close()
    assert len(ports) == 1


def test_captured_requests_never_hold_the_key(sim):
    sim.api("POST", "customers", {"email": "ä@b.c", "metadata": {"a": "b"}})
    captured = sim.get("requests")[-1]
    assert captured["params"] == {"email": "ä@b.c", "metadata": {"a": "b"}}
    assert captured["body"] == "email=%C3%A4%40b.c&metadata[a]=b"
    assert "sk_test" not in json.dumps(captured)
    sim.delete("requests")
    assert sim.get("requests") == []


def test_ids_repeat_with_the_seed():
    runs = []
    for seed in ("7", "7", "8"):
        with Driver.start("--seed", seed, "--price", MONTHLY) as driver:
            runs.append([customer_of(driver)["id"], subscription_of(driver)["id"]])
    assert runs[0] == runs[1] != runs[2]


def test_the_recorded_requests_of_the_node_sdk_are_understood(sim):
    """What stripe-node 23.1.0 sends is taken: each refusal is for an id that is not there, never for the form."""
    recording = FIXTURES / "wire-stripe-node-23.1.0.json"
    calls = json.loads(recording.read_text()) if recording.exists() else [
        {"method": "POST", "url": "/v1/customers", "headers": {"authorization": "Bearer sk_test_abcd1234"},
         "body": "email=a%2Bb%40example.com&name=%C3%9Cn%C3%AF%20%26%20Co%20%28x%29%21%2A%27&metadata[tenant_id]=t1"}]
    for call in calls:
        headers = {name: value for name, value in call["headers"].items()
                   if name not in ("content-length", "idempotency-key")}
        reply = sim.request(call["method"], call["url"], call["body"] or None, headers)
        assert reply.status == 200 or reply.body["error"].get("code") == "resource_missing", (call, reply.text)


# Faults of calls


def test_answers_on_demand(sim):
    sim.post("faults", on="api", kind="answer", status=429, retry_after=7, path="^/v1/customers$", times=2)
    assert sim.api("GET", "products").status == 200
    for _ in range(2):
        reply = sim.api("GET", "customers")
        assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
        assert reply.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert sim.api("GET", "customers").status == 200
    sim.post("faults", on="api", kind="answer", status=409, method="POST")
    assert error_of(sim.api("POST", "customers"), 409)["code"] == "lock_timeout"
    assert [request["fault"] for request in sim.get("requests")].count("answer") == 3


def test_an_error_before_the_work_leaves_nothing_and_one_after_it_leaves_the_work(sim):
    sim.post("faults", on="api", kind="answer", status=500)
    assert sim.api("POST", "customers", idempotency_key="k").status == 500
    assert "customer" not in sim.get("state")["objects"]
    sim.post("faults", on="api", kind="answer", status=500, after=True)
    assert sim.api("POST", "customers", idempotency_key="k").status == 500
    assert len(sim.get("state/customer")["customer"]) == 1
    assert sim.api("POST", "customers", idempotency_key="k").headers["Idempotent-Replayed"] == "true"
    assert len(sim.get("state/customer")["customer"]) == 1


def test_a_remembered_error_is_given_again(sim):
    sim.post("faults", on="api", kind="answer", status=500, remember=True)
    assert sim.api("POST", "customers", idempotency_key="k").status == 500
    assert sim.api("POST", "customers", idempotency_key="k").headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("kind, trouble", [("timeout", TimeoutError), ("drop", http.client.RemoteDisconnected),
                                           ("cut", http.client.IncompleteRead)])
def test_the_work_is_done_and_the_answer_does_not_come(sim, kind, trouble):
    sim.post("faults", on="api", kind=kind, after=True)
    with pytest.raises(trouble):
        sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k", timeout=0.4)
    again = sim.api("POST", "customers", {"email": "a@b.c"}, idempotency_key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert list(sim.get("state/customer")["customer"]) == [again.body["id"]]


def test_silence_before_the_work_leaves_nothing(sim):
    sim.post("faults", on="api", kind="timeout")
    with pytest.raises(TimeoutError):
        sim.api("POST", "customers", timeout=0.3)
    assert "customer" not in sim.get("state")["objects"]


def test_slow_and_senseless_answers(sim):
    sim.post("faults", on="api", kind="slow", seconds=0.2)
    assert sim.api("GET", "customers").body["object"] == "list"
    sim.post("faults", on="api", kind="garbage")
    with pytest.raises(json.JSONDecodeError):
        sim.api("GET", "customers")


def test_faults_that_make_no_sense_are_refused(sim):
    for wanted in ({"on": "api"}, {"on": "moon", "kind": "drop"}, {"on": "api", "kind": "hold"},
                   {"on": "api", "kind": "drop", "path": "("}, {"on": "api", "kind": "drop", "nonsense": 1}):
        assert sim.request("POST", "/_sim/faults", json.dumps(wanted)).status == 400


def test_many_at_once(sim):
    """One lock around the state: nothing is lost or doubled when sixteen clients come together."""
    def work(number):
        for turn in range(10):
            sim.api("POST", "customers", {"email": f"{number}@{turn}"}, idempotency_key=f"{number % 8}-{turn // 2}"
                    if turn % 2 else None)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = sim.get("state")
    made = len(state["objects"]["customer"])
    created = len([event for event in sim.get("events") if event["type"] == "customer.created"])
    assert made == created
    assert len({request["request_id"] for request in sim.get("requests")}) == 160
    assert session_of(sim)["status"] == "open"
