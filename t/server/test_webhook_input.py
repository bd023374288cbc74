# SPDX-License-Identifier: Apache-2.0
"""What the webhook must refuse: each kind of bad header, body, encoding, size, JSON and event. The answer is a clear
problem, the log says why in one line, nothing is stored."""
import hashlib
import hmac
import json
import time

import pytest

from harness import client, stripe_events, stripe_sign
from harness.ledger import Ledger
from harness.site import API, OLD_WEBHOOK_SECRET, WEBHOOK, WEBHOOK_SECRET, token
from harness.stripe_sign import mac

pytestmark = [pytest.mark.bad_input, pytest.mark.allowed_log("ATB0404", "ATB0405")]

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(database, cluster, module_site):
    return module_site(database=cluster.conninfo(database), without=["BillingStripeSecretKey"])


class Refusal:
    """What a refused delivery must leave behind: the answer, one line of the log, and no row."""

    def __init__(self, server, cluster, database):
        self._server, self._cluster, self._database = server, cluster, database
        self._position = server.log.position()
        self._rows = self.rows()

    def rows(self):
        tables = ("event", "org", "customer", "subscription", "link", "checkout")
        counts = ", ".join(f"(select count(*) from billing.{table})" for table in tables)
        return self._cluster.psql(f"select {counts}", self._database)

    def check(self, reply, status, code, log_id, words=""):
        assert reply is not None, "no answer at all"
        assert (reply.status, reply.header("content-type")) == (status, "application/problem+json"), reply
        problem = reply.json
        assert problem["code"] == code
        assert problem["status"] == status
        assert problem["type"] == f"urn:attune-billing:problem:{code}"
        assert problem["title"] and problem["detail"] and problem["requestId"]
        assert reply.header("cache-control") == "private, no-store"
        self.check_trace(log_id, words)

    def check_trace(self, log_id, words=""):
        lines = [line for line in self._server.log.lines(self._position) if "[client " in line and "ATB" in line]
        assert len(lines) == 1, lines
        assert f"{log_id}: " in lines[0] and words in lines[0]
        assert self.rows() == self._rows


@pytest.fixture
def refusal(server, cluster, database):
    return Refusal(server, cluster, database)


def good_body():
    return stripe_sign.encode(stripe_events.subscription_event("created", org="acme"))


def post(server, body, *headers):
    """Raw: `headers` are lines."""
    head = [f"POST {WEBHOOK} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}",
            *headers, "", ""]
    return client.raw(server.port, "\r\n".join(head).encode("latin-1") + body, method="POST")


# The signature


def header(body, *, t=None, secret=WEBHOOK_SECRET, scheme="v1"):
    t = int(time.time()) if t is None else t
    return f"t={t},{scheme}={mac(body, secret, t)}"


def without_time(body):
    return f"v1={mac(body, WEBHOOK_SECRET, int(time.time()))}"


def over_body_alone(body):
    return f"t={int(time.time())},v1={hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()}"


MISSING, MALFORMED, NO_SCHEME, MISMATCH = "no Stripe-Signature", "well-formed timestamp", "no v1 signature", "no signature fits"
BAD_SIGNATURES = {
    "empty": (lambda body: "", MISSING),
    "words": (lambda body: "i'm not even a real signature header", MALFORMED),
    "time alone": (lambda body: f"t={int(time.time())}", NO_SCHEME),
    "no time": (without_time, MALFORMED),
    "empty time": (lambda body: "t=,v1=" + mac(body, WEBHOOK_SECRET, 0), MALFORMED),
    "time is no number": (lambda body: "t=soon,v1=" + mac(body, WEBHOOK_SECRET, 0), MALFORMED),
    "negative time": (lambda body: "t=-1,v1=" + mac(body, WEBHOOK_SECRET, -1), MALFORMED),
    "time beyond 64 bits": (lambda body: "t=99999999999999999999,v1=" + "a" * 64, MALFORMED),
    "time with a tail": (lambda body: header(body).replace(",", "x,", 1), MALFORMED),
    "two times": (lambda body: f"t={int(time.time())}," + header(body), MALFORMED),
    "v0 alone": (lambda body: header(body, scheme="v0"), NO_SCHEME),
    "v2 alone": (lambda body: header(body, scheme="v2"), NO_SCHEME),
    "capital V1": (lambda body: header(body, scheme="V1"), NO_SCHEME),
    "empty v1": (lambda body: f"t={int(time.time())},v1=", NO_SCHEME),
    "another endpoint's secret": (lambda body: header(body, secret="whsec_another"), MISMATCH),
    "secret without its prefix": (lambda body: header(body, secret=WEBHOOK_SECRET.removeprefix("whsec_")), MISMATCH),
    "time left out of the signed text": (over_body_alone, MISMATCH),
    "cut short": (lambda body: header(body)[:-1], MISMATCH),
    "too long": (lambda body: header(body) + "00", MISMATCH),
    "not hexadecimal": (lambda body: header(body)[:-1] + "g", MISMATCH),
    "another body's": (lambda body: header(body + b"\n"), MISMATCH),
    "two wrong ones": (lambda body: header(body, secret="whsec_a") + ",v1=" + "0" * 64, MISMATCH),
    "301 s old": (lambda body: header(body, t=int(time.time()) - 302), "older than the tolerance"),
    "301 s ahead": (lambda body: header(body, t=int(time.time()) + 303), "in the future"),
    "of year zero": (lambda body: header(body, t=0), "older than the tolerance"),
    "more than 4 KiB": (lambda body: header(body) + ",x=" + "y" * 4096, "too long"),
    "bytes beyond ASCII": (lambda body: "t=\xff\xfe,v1=\xe9" + "0" * 63, MALFORMED),
    "a blank before the scheme": (lambda body: header(body).replace(",", ", "), MALFORMED),
}


@pytest.mark.parametrize("kind", BAD_SIGNATURES)
def test_bad_signature(server, refusal, kind):
    make, reason = BAD_SIGNATURES[kind]
    body = good_body()
    refusal.check(post(server, body, f"Stripe-Signature: {make(body)}"), 400, "invalid_signature", "ATB0401", reason)


def test_no_signature(server, refusal):
    refusal.check(post(server, good_body()), 400, "invalid_signature", "ATB0401", MISSING)


@pytest.mark.parametrize("order", [1, -1])
def test_two_headers_are_no_signature(server, refusal, order):
    """Which of them counts would be anyone's guess."""
    body = good_body()
    lines = [f"Stripe-Signature: {header(body)}", f"Stripe-Signature: {header(body, secret='whsec_other')}"][::order]
    refusal.check(post(server, body, *lines), 400, "invalid_signature", "ATB0401", MALFORMED)


def test_a_changed_byte_breaks_the_signature(server, refusal):
    body = good_body()
    signed = header(body)
    changed = body.replace(b'"active"', b'"Active"')
    assert changed != body
    refusal.check(post(server, changed, f"Stripe-Signature: {signed}"), 400, "invalid_signature", "ATB0401", MISMATCH)


def test_a_body_is_signed_with_its_own_line_ends(server, refusal):
    body = good_body()
    refusal.check(post(server, body.replace(b"\n", b"\r\n"), f"Stripe-Signature: {header(body)}"), 400,
                  "invalid_signature", "ATB0401", MISMATCH)


def test_every_reason_reads_the_same_from_outside(server):
    body = good_body()
    answers = set()
    for make, _ in BAD_SIGNATURES.values():
        problem = post(server, body, f"Stripe-Signature: {make(body)}").json
        answers.add(json.dumps({**problem, "requestId": None}))
    assert len(answers) == 1


def test_nothing_signed_is_accepted_without_a_secret(site, cluster, database):
    server = site(database=cluster.conninfo(database), without=["BillingStripeWebhookSecret"])
    refusal = Refusal(server, cluster, database)
    refusal.check(server.deliver(stripe_events.subscription_event("created", org="acme"), secret=""), 400,
                  "invalid_signature", "ATB0401", "no BillingStripeWebhookSecret")


# The body as bytes


def signed(server, body, **options):
    return server.deliver(body, **options)


def padded(size):
    """A good event of exactly `size` bytes."""
    event = stripe_events.subscription_event("created", org="acme")
    event["data"]["object"]["description"] = ""
    missing = size - len(stripe_sign.encode(event))
    event["data"]["object"]["description"] = "x" * missing
    body = stripe_sign.encode(event)
    assert len(body) == size
    return body


def test_one_byte_too_many(server, refusal):
    refusal.check(signed(server, padded(MEBIBYTE + 1)), 413, "payload_too_large", "ATB0411")


def test_one_byte_too_many_in_chunks(server, refusal):
    body = padded(MEBIBYTE + 1)
    reply = server.post(WEBHOOK, headers=stripe_sign.headers(body, WEBHOOK_SECRET), chunked=True,
                        body=[body[at:at + 65536] for at in range(0, len(body), 65536)])
    refusal.check(reply, 413, "payload_too_large", "ATB0411")


def test_a_length_that_only_threatens(server, refusal):
    """Refused by its Content-Length, before a byte of it has come."""
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9223372036854775807\r\n\r\n"
    refusal.check(client.raw(server.port, head.encode(), method="POST"), 413, "payload_too_large", "ATB0411")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_an_encoded_body(server, refusal, coding):
    body = good_body()
    reply = server.post(WEBHOOK, headers={**stripe_sign.headers(body, WEBHOOK_SECRET), "Content-Encoding": coding}, body=body)
    refusal.check(reply, 415, "unsupported_content_encoding", "ATB0412")


def test_a_body_that_is_cut_short(server, refusal):
    body = good_body()
    head = (f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {header(body)}\r\n\r\n").encode()
    refusal.check(client.raw(server.port, head + body[:-10], method="POST", end=True), 400, "incomplete_body", "ATB0413")


def test_a_chunk_that_is_cut_short(server, refusal):
    body = good_body()
    head = (f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            f"Stripe-Signature: {header(body)}\r\n\r\n").encode()
    chunk = b"%x\r\n" % len(body) + body[:-10]
    refusal.check(client.raw(server.port, head + chunk, method="POST", end=True), 400, "incomplete_body", "ATB0413")


def test_a_chunk_without_a_size(server, refusal):
    body = good_body()
    head = (f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            f"Stripe-Signature: {header(body)}\r\n\r\n").encode()
    reply = client.raw(server.port, head + b"zz\r\n" + body + b"\r\n0\r\n\r\n", method="POST")
    assert (reply.status, reply.header("connection")) == (400, "close")  # httpd's own answer to what is no HTTP
    refusal.check_trace("ATB0413")


@pytest.mark.timeout(60)
def test_a_body_that_never_comes(site, cluster, database):
    server = site("RequestReadTimeout body=1\nTimeout 2\n", database=cluster.conninfo(database),
                         modules=["reqtimeout"])
    refusal = Refusal(server, cluster, database)
    body = good_body()
    head = (f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {header(body)}\r\n\r\n").encode()
    refusal.check(client.raw(server.port, head + body[:100], method="POST"), 408, "request_timeout", "ATB0414")


# The body as JSON


def event_text(**members):
    """A good envelope with other members, as text; DROP leaves one out."""
    event = {**stripe_events.subscription_event("created", org="acme"), **members}
    return json.dumps({key: value for key, value in event.items() if value is not DROP}).encode()


DROP = object()
ID_TOO_LONG = "evt_" + "x" * 252
BAD_BODIES = {
    "nothing": (b"", "ends too early"),
    "blanks": (b" \n", "ends too early"),
    "a byte order mark": (b"\xef\xbb\xbf" + good_body(), "not JSON"),
    "words": (b"payload", "not JSON"),
    "cut short": (good_body()[:-3], "ends too early"),
    "two documents": (good_body() + good_body(), "not JSON"),
    "a tail": (good_body() + b"[", "not JSON"),
    "a comment": (b"// event\n" + good_body(), "not JSON"),
    "a comma too many": (b'{"id":"evt_1",}', "not JSON"),
    "single quotes": (b"{'id':'evt_1'}", "not JSON"),
    "NaN": (event_text(pending_webhooks=float("nan")), "not JSON"),
    "a number out of range": (b'{"id":1e999}', "out of range"),
    "not UTF-8": (good_body().replace(b"usd", b"\xff\xfe\xfd", 1), "not UTF-8"),
    "UTF-16": (good_body().decode().encode("utf-16-le"), "ends too early"),
    "overlong UTF-8": (good_body().replace(b"usd", b"\xc0\x80", 1), "not UTF-8"),
    "half a surrogate pair": (good_body().replace(b"usd", b"\\ud800", 1), "not JSON"),
    "a raw NUL": (good_body().replace(b"usd", b"u\x00d", 1), "not JSON"),
    "a NUL after the end": (good_body() + b"\x00", "not JSON"),
    "a NUL in a name": (b'{"i\\u0000d":"evt_1"}', "NUL"),
    "a member twice": (b'{"id":"evt_1",' + good_body()[1:], "names a member twice"),
    "a member twice, deep": (good_body().replace(b'"object": "subscription"', b'"object":"a","object":"subscription"', 1),
                             "names a member twice"),
    "nested deep": (b"[" * 100000 + b"]" * 100000, "nested too deep"),
    "objects nested deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested too deep"),
    "null": (b"null", "not JSON"),
    "a number": (b"42", "not JSON"),
    "a text": (b'"evt_1"', "not JSON"),
    "an array": (b"[" + good_body() + b"]", "no event"),
    "an empty object": (b"{}", "no event"),
    "another object": (event_text(object="charge"), "no event"),
    "no object": (event_text(object=DROP), "no event"),
    "object is a number": (event_text(object=1), "object"),
    "no id": (event_text(id=DROP), "lacks id"),
    "id is null": (event_text(id=None), "lacks id"),
    "id is a number": (event_text(id=7), "id is not text"),
    "id is empty": (event_text(id=""), "id is empty"),
    "id too long": (event_text(id=ID_TOO_LONG), "id is empty, longer"),
    "id with a line end": (event_text(id="evt_1\nATB"), "control"),
    "id with a NUL": (event_text(id="evt_1\0"), "control"),
    "no type": (event_text(type=DROP), "lacks id, type"),
    "type is an object": (event_text(type={}), "type is not text"),
    "type too long": (event_text(type="a" * 256), "type is empty, longer"),
    "no created": (event_text(created=DROP), "lacks id"),
    "created is text": (event_text(created="2026-10-29T15:13:32Z"), "created is not a time"),
    "created is a fraction": (event_text(created=1.5), "created is not a time"),
    "created before 1970": (event_text(created=-1), "created is not a time"),
    "created after 9999": (event_text(created=253402300800), "created is not a time"),
    "created beyond 64 bits": (event_text(created=2 ** 64), "out of range"),
    "no livemode": (event_text(livemode=DROP), "lacks id"),
    "livemode is text": (event_text(livemode="false"), "livemode is neither"),
    "livemode is a number": (event_text(livemode=0), "livemode is neither"),
    "api_version is a list": (event_text(api_version=[]), "api_version is not text"),
    "account is a number": (event_text(account=1), "account is not text"),
}


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_bad_body(server, refusal, kind):
    body, reason = BAD_BODIES[kind]
    reply = signed(server, body)
    refusal.check(reply, 400, "invalid_event", "ATB0404", reason)
    assert "evt_" not in reply.text, "the problem repeats what was sent"


@pytest.mark.parametrize("kind", ["created", "deleted"])
def test_an_event_of_the_other_mode(server, refusal, kind):
    refusal.check(server.deliver(stripe_events.subscription_event(kind, org="acme", livemode=True)), 400,
                  "livemode_mismatch", "ATB0405", "of live mode")


def test_test_events_are_refused_in_live_mode(site, cluster, database):
    server = site(database=cluster.conninfo(database), start=False)
    server.write("stripe.key", "sk_live_harness\n")
    server.start()
    refusal = Refusal(server, cluster, database)
    refusal.check(server.deliver(stripe_events.subscription_event("created", org="acme")), 400, "livemode_mismatch",
                  "ATB0405", "of test mode")


# The route


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"])
def test_another_method(server, refusal, method):
    body = good_body()
    reply = server.request(method, WEBHOOK, headers=stripe_sign.headers(body, WEBHOOK_SECRET),
                           body=None if method == "GET" else body)
    assert reply.header("allow") == "POST"
    refusal.check(reply, 405, "method_not_allowed", "ATB0421")


def test_head(server, cluster, database):
    reply = server.request("HEAD", WEBHOOK)
    assert (reply.status, reply.header("allow"), reply.body) == (405, "POST", b"")


@pytest.mark.parametrize("path", ["/webhooks", "/webhook/", "/webhook/evt_1", "/Webhook", "/webhook%20", "/webhook%00", ""])
def test_another_path(server, refusal, path):
    server.allow("AH00026")  # httpd's own word on a NUL in a path
    body = good_body()
    reply = server.post(API + path, headers={**stripe_sign.headers(body, WEBHOOK_SECRET), **token(org_id="acme", role="owner")}, body=body)
    if path == "/webhook%00":
        assert reply.status in (400, 404)  # httpd refuses it itself
        return
    refusal.check(reply, 404, "not_found", "ATB0422")


# What looks odd and is in order


def accepted(server, body, *headers):
    reply = post(server, body, *headers)
    assert (reply.status, reply.json) == (200, {"received": True, "outcome": "applied"}), reply


GOOD_SIGNATURES = {
    "order turned": lambda body: ",".join(reversed(header(body).split(","))),
    "fake v0 beside it": lambda body: header(body) + ",v0=" + "0" * 64,
    "nonsense beside it": lambda body: header(body) + ",v1=potato,x=y",
    "good one last of many": lambda body: f"t={(now := int(time.time()))}" + ",v1=" + "0" * 64 + f",v1={mac(body, WEBHOOK_SECRET, now)}",
    "the older secret": lambda body: header(body, secret=OLD_WEBHOOK_SECRET),
    "both secrets": lambda body: stripe_sign.signature_header(body, [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET]),
    "both secrets, turned": lambda body: stripe_sign.signature_header(body, [OLD_WEBHOOK_SECRET, WEBHOOK_SECRET]),
    "one secret of ours, one of nobody's": lambda body: stripe_sign.signature_header(body, ["whsec_x", WEBHOOK_SECRET]),
    "290 s old": lambda body: header(body, t=int(time.time()) - 290),
    "290 s ahead": lambda body: header(body, t=int(time.time()) + 290),
}


@pytest.mark.parametrize("kind", GOOD_SIGNATURES)
def test_good_signature(server, kind):
    body = good_body()
    accepted(server, body, f"Stripe-Signature: {GOOD_SIGNATURES[kind](body)}")


def test_exactly_the_limit(server, cluster, database):
    body = padded(MEBIBYTE)
    assert signed(server, body).json["outcome"] == "applied"
    assert cluster.value("select max(octet_length(body)) from billing.event", database) == str(MEBIBYTE)


def test_exactly_the_limit_in_chunks(server):
    body = padded(MEBIBYTE)
    reply = server.post(WEBHOOK, headers=stripe_sign.headers(body, WEBHOOK_SECRET), chunked=True,
                        body=[body[at:at + 9999] for at in range(0, len(body), 9999)])
    assert reply.json["outcome"] == "applied"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
def test_the_content_type_does_not_matter(server, content_type):
    """Stripe has changed it before; the signature is what counts."""
    body = good_body()
    headers = {**stripe_sign.headers(body, WEBHOOK_SECRET), "Content-Type": content_type}
    reply = server.post(WEBHOOK, headers={key: value for key, value in headers.items() if value}, body=body)
    assert reply.json["outcome"] == "applied"


def test_identity_is_no_encoding(server):
    body = good_body()
    reply = server.post(WEBHOOK, headers={**stripe_sign.headers(body, WEBHOOK_SECRET), "Content-Encoding": "identity"}, body=body)
    assert reply.json["outcome"] == "applied"


ODD_TEXTS = ["\\u0000", "a\\u0000b", "\\ud83d\\ude9a", "\U0001f69a", "\\\\ \\\" \\/", "%s %n $1 '); drop table", "\\n\\t", "é\u202e\u2028"]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_is_kept_as_it_came(server, cluster, database, text):
    event = stripe_events.subscription_event("created", org="acme")
    event["data"]["object"]["description"] = "ODD"
    body = stripe_sign.encode(event).replace(b"ODD", text.encode())
    assert signed(server, body).json["outcome"] == "applied"
    assert Ledger(cluster, database).body(event) == body


def test_a_connection_is_of_use_after_a_refusal(server):
    """But for one whose body is still on its way."""
    body = good_body()
    with client.Connection(server.port) as connection:
        for _ in range(3):
            assert connection.request("POST", WEBHOOK, body=body).status == 400
            assert connection.request("GET", WEBHOOK).status == 405
        assert connection.request("POST", WEBHOOK, headers=stripe_sign.headers(body, WEBHOOK_SECRET), body=body).status == 200
