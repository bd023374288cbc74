# SPDX-License-Identifier: Apache-2.0
"""A gate cannot be walked around. Every form is tried by an org that has not paid, by somebody without an org and by a
stranger, who must not see the secret; and by a payer, who must where the form is a legitimate one."""
import re
import socket
import subprocess

import pytest

from bypass_site import CONFIG, MODULES, furnish
from gate_support import ENDED, PAYER, SECRET, populate, signed
from harness import client
from harness.ports import reserve_port
from harness.site import token
from harness.tls import Authority
from lenient_backend import LenientBackend

MARK = SECRET.encode()
OTHERS = {"ended": signed(ENDED), "no org": token(sub="one without an org"), "stranger": {}}

# What httpd says of requests that are none, of includes that fail, and of what is not there.
pytestmark = pytest.mark.allowed_log(
    "AH10244", "AH00026", "AH00126", "AH01276", "AH00687", "AH01264", "AH00135", "unable to include", "AH00124", "AH01144",
    "AH00127", "AH00128", "AH02811", "AH00036", "AH00037", "AH01629", "AH01630", "AH02042", "AH00571", "AH00573", "oidc_",
    "AH00566", "AH01265", "AH00560")


@pytest.fixture(scope="module")
def backend():
    made = LenientBackend()
    yield made
    made.close()


@pytest.fixture(scope="module")
def servlet():
    made = LenientBackend(servlet=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def authority(scratch):
    return Authority(scratch, "bypass-tls")


@pytest.fixture(scope="module")
def house(cluster, database, module_site, backend, servlet, authority):
    values = {"BACKEND": backend.address, "SERVLET": servlet.address, "TLS": authority.port,
              "CERTIFICATES": authority.folder, "PROXY": reserve_port()}
    server = module_site(CONFIG, database=cluster.conninfo(database), modules=MODULES, values=values)
    populate(server)
    furnish(server)
    return server


def lines(headers):
    return "".join(f"{name}: {value}\r\n" for name, value in (headers.items() if hasattr(headers, "items") else headers))


def send(port, text, tls=None):
    """Sends it as it is, and nothing after it; all that comes back until the server closes."""
    with client.open_socket(port, timeout=20) as plain:
        connection = tls.wrap_socket(plain) if tls else plain
        connection.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        if not tls:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (ConnectionResetError, socket.timeout):
            pass
        return answer


def ask(port, target, who, method="GET", more="", protocol="HTTP/1.1", body="", **options):
    return send(port, f"{method} {target} {protocol}\r\nHost: localhost\r\n{lines(who)}{more}Connection: close\r\n\r\n{body}",
                **options)


def refused(answer):
    """Nothing of the secret, neither its words nor that it has not changed."""
    assert MARK not in answer
    assert b" 304 " not in answer.split(b"\r\n")[0]
    assert b" 206 " not in answer.split(b"\r\n")[0]


# Paths, at a file, at a backend behind canonicalisation, at one behind none

LEGITIMATE = [
    "/paid/{}", "//paid/{}", "/paid//{}", "///paid///{}", "/./paid/{}", "/paid/./{}", "/free/../paid/{}", "/paid/x/../{}",
    "/%70aid/{}", "/%70%61%69%64/{}", "/%2e/paid/{}", "/free/%2e%2e/paid/{}", "/free/.%2e/paid/{}", "/free/%2e./paid/{}",
    "/free/%2E%2E/%70aid/{}", "//free//..//paid//{}", "/free/x/../../paid/{}", "/free/./../paid/./{}", "/paid/{}?x=1",
    "/paid/{}?/../free/index.html", "/paid/{}?a=/free/", "/paid/{}?", "/paid/{}??", "/paid/../paid/{}",
    "/free/nothing/../../paid/{}", "/paid/%2e/{}", "/paid/x/%2e%2e/{}", "/~/../paid/{}", "/free;x/../paid/{}",
    "http://localhost/paid/{}", "http://other.example/paid/{}", "HTTP://LOCALHOST/paid/{}", "http://localhost//paid//{}",
    "http://localhost:1/free/../paid/{}", "http://localhost/%70aid/{}",
    "http://localhost/./free/%2e%2e/paid/{}",
]
ODD = [
    "/PAID/{}", "/Paid/{}", "/paid;v=1/{}", "/paid/{};v=1", "/paid;/{}", "/;/paid/{}", "/.;/paid/{}", "/free/..;/paid/{}",
    "/free/..;x=1/paid/{}", "/paid%2f{}", "/free%2f..%2fpaid/{}", "/free/..%2fpaid/{}", "/free/%2e%2e%2fpaid/{}",
    "/%2fpaid/{}", "/paid%5c{}", "/paid\\{}", "\\paid\\{}", "/free\\..\\paid\\{}", "/free/..%5cpaid/{}", "/%2570aid/{}",
    "/paid%252f{}", "/free/%252e%252e/paid/{}", "/free/%252e%252e%252fpaid/{}", "/free%252f..%252fpaid/{}", "/paid%00/{}",
    "/paid/{}%00", "/%00/paid/{}", "/free/%c0%ae%c0%ae/paid/{}", "/free/..%c0%afpaid/{}", "/free/%e0%80%ae%e0%80%ae/paid/{}",
    "/free/\uff0e\uff0e/paid/{}", "/paid%20/{}", "/paid./{}", "/paid/{}.", "/paid/{}%20", "/paid/{}/", "/paid/{}/extra",
    "/paid/{}/../extra", "/paid/{}::$DATA", "/paid/{}~", "/paid/.{}", "/paid%0a/{}", "/paid/{}%0d%0aX:%20y", "/paid%09/{}",
    "/..../paid/{}", "/free/.../paid/{}", "/../paid/{}", "/../../paid/{}", "/free/../../paid/{}", "/%2e%2e/paid/{}",
    "paid/{}", "./paid/{}", "../paid/{}", "*", "*/paid/{}", "//localhost/paid/{}", "http:/paid/{}", "http:///paid/{}",
    "http:paid/{}", "https://localhost/paid/{}", "ftp://localhost/paid/{}", "file:///paid/{}", "http://localhost\\paid/{}",
    "?/paid/{}", "#/paid/{}", "/free/index.html/../../paid/{}", "/free/index.html/%2e%2e/%2e%2e/paid/{}", "/paid/{}|x",
    "/free/index.html%3f/../../paid/{}", "/free/%3f/../../paid/{}", "/paid/%25/{}", "/paid/%/{}", "/paid/%zz/{}", "/%u0070aid/{}",
    "/pa%69d%2Fpage.html", "/paid/{}#x", "http://user@localhost/paid/{}", "/paid/\u00a0{}", "/free/{}", "/index.html/paid/{}",
]
PLACES = {"file": ("port", "page.html"), "backend": ("PROXY", "x"), "tls": ("TLS", "x")}


def utf8(target):
    return target.encode().decode("latin-1")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", LEGITIMATE + ODD)
def test_spellings_of_a_path(house, authority, form, place):
    port, name = PLACES[place]
    port = house.values["PORT" if port == "port" else port]
    tls = authority.context() if place == "tls" else None
    target = utf8(form.format(name))
    for who in OTHERS.values():
        refused(ask(port, target, who, tls=tls))
    if form in LEGITIMATE:
        assert MARK in ask(port, target, signed(PAYER), tls=tls)


# Other ways to the same document

WAYS = [
    "/paid/", "/paid/open/page.html", "/any/page.html", "/paid/one", "/paid/one.html", "/paid/one.html.en", "/paid/as.asis",
    "/paid/script.cgi", "/paid/script.cgi/path/info", "/paid/script.cgi?free", "/paid/x.shown", "/free/x.shown",
    "/alias/page.html", "/alias/", "/aliases/one/../../paid/page.html", "/matched/page.html",
    "/free/server-pt", "/free/server-last", "/x/free/paid/page.html", "/free/per-directory", "/free/per-directory-2",
    "/free/chain", "/free/looking", "/free/fallback/x", "/free/fallback/x/y?z", "/free/index/", "/free/index",
    "/free/location.cgi", "/free/secret.html", "/free/secret", "/free/secret.txt", "/free/secret.txt.de", "/free/near.var",
    "/free/virtual.shtml", "/free/relative.shtml", "/free/file.shtml", "/free/nested.shtml", "/free/script.shtml",
    "/free/redirected.shtml", "/free/indexed.shtml", "/free/erring.shtml", "/free/rewriting/go", "/free/falling/x",
    "/free/erring/nothing", "/nothing", "/free/gone", "/free/proxied-here/x", "/paid/backend/x", "/servlet/paid/x",
    "/paid/x/page.html", "/free/../any/page.html",
]
# Not meant to lead anywhere; some do, to a payer.
SHADY = [
    "/free/server-p", "/free/proxied", "/free/map.var", "/free/index-relative/", "/paidd/page.html", "/pai/page.html",
    "/paid/pagee.html", "/free/", "/free/?C=N;O=D", "/paid/x/", "/~root/paid/", "/free/status.cgi", "/servlet;x/paid/x",
    "/servlet/;x/paid/x", "/servlet/free/..;/paid/x", "/servlet/free/..;x=1/paid/x", "/servlet/paid;x=1/x",
    "/servlet/%2e%2e;/servlet/paid/x", "/servlet/free;/..;/paid/x", "/servlet/.;/paid/x", "/servlet//paid//x",
    "/servlet/free/%2e%2e/paid/x", "/servlet/paid%3bx/x", "/servlet/%70aid/x", "/free/secret.html/", "/free/secret.html/x", "/free/SECRET.html", "/free/./secret.html", "/free/secret%2ehtml",
]
UNGATED_PROXIES = {"/free/server-p", "/free/proxied"}  # [P] hands over to another server: its own path is not gated


@pytest.mark.parametrize("path", WAYS)
def test_ways_to_a_document(house, path):
    for who in OTHERS.values():
        refused(ask(house.port, path, who))
    answer = ask(house.port, path, signed(PAYER))
    if b" 301 " in answer:
        answer = ask(house.port, re.search(rb"Location: http://[^/]*(\S+)", answer)[1].decode(), signed(PAYER))
    assert MARK in answer


@pytest.mark.parametrize("path", [path for path in SHADY if path not in UNGATED_PROXIES])
def test_shady_ways(house, path):
    for who in OTHERS.values():
        refused(ask(house.port, path, who))


# Methods

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PROPPATCH", "MKCOL", "COPY",
           "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "VERSION-CONTROL", "CHECKOUT", "BASELINE-CONTROL", "MERGE", "BREW",
           "WHEN", "MADEUP", "get", "Get", "gEt", "GETX", "X" * 200, "G\tET", "GET/", "PRI", "POST\x0b", "HEAD,GET", "-"]
TARGETS = ["/paid/page.html", "/paid/", "/paid/backend/x", "/paid/script.cgi", "/any/page.html", "/free/per-directory",
           "/free/location.cgi"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", METHODS)
def test_methods(house, method, target):
    for who in OTHERS.values():
        answer = ask(house.port, target, who, method, more="Content-Length: 0\r\n")
        refused(answer)
        if method in ("GET", "POST", "MADEUP", "PROPFIND"):
            assert answer.split()[1] in (b"401", b"402", b"403")


# Headers

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
HEADERS = [
    "X-HTTP-Method-Override: OPTIONS\r\n", "X-HTTP-Method: GET\r\n", "X-Method-Override: HEAD\r\n", "_method: OPTIONS\r\n",
    "Access-Control-Request-Method: GET\r\nOrigin: https://x\r\n", "Origin: null\r\n", "X-Original-URL: /free/index.html\r\n",
    "X-Rewrite-URL: /free/index.html\r\n", "X-Original-URI: /free/\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
    "X-Forwarded-Host: localhost\r\n", "X-Forwarded-Prefix: /free\r\n", "X-Forwarded-Uri: /free/\r\n", "Forwarded: for=127.0.0.1\r\n",
    "X-Real-IP: 127.0.0.1\r\n", "X-Accel-Redirect: /paid/page.html\r\n", "X-Sendfile: /paid/page.html\r\n", "Range: bytes=0-3\r\n",
    "Range: bytes=0-0,2-5\r\n", "If-Range: \"x\"\r\nRange: bytes=1-\r\n", "If-None-Match: *\r\n", "If-Match: *\r\n",
    "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n", "If-Unmodified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
    "Cache-Control: only-if-cached\r\n", "Pragma: no-cache\r\n", "Accept: text/html\r\n", "Accept: nothing/at-all\r\n",
    "Accept-Language: en\r\n", "Accept-Encoding: gzip\r\n", "TE: trailers\r\n", "Negotiate: *\r\n", "Sec-Fetch-Mode: navigate\r\n",
    "Sec-Purpose: prefetch\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n" + KEY, "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "Expect: 100-continue\r\nContent-Length: 1\r\n", "Expect: nothing\r\n", "Transfer-Encoding: chunked\r\n",
    "Connection: Authorization\r\n", "Connection: close, X-Billing-Org\r\n", "BILLING_DECISION: allow\r\n",
    "X-Billing-Decision: allow\r\n", "X-Billing-Org: payer\r\n", "OIDC_CLAIM_org_id: payer\r\n", "Cookie: org=payer\r\n",
    "Authorization: Basic cGF5ZXI6eA==\r\n", "Proxy-Authorization: Basic cGF5ZXI6eA==\r\n", "REMOTE_USER: payer\r\n",
    "Remote-User: payer\r\n", "X-Remote-User: payer\r\n", "X-Forwarded-User: payer\r\n", "Host: payer\r\n", "Referer: /paid/\r\n",
    "User-Agent: Googlebot\r\n", "Destination: /free/copy\r\nDepth: infinity\r\n", "SOAPAction: x\r\n", "Content-Type: text/xml\r\n",
    "X-Requested-With: XMLHttpRequest\r\n", "Purpose: preview\r\n", "Via: 1.1 localhost\r\n", "Max-Forwards: 0\r\n", " folded\r\n",
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda text: text.split(":")[0].strip() + str(abs(hash(text)) % 97))
def test_headers(house, header):
    for target in ("/paid/page.html", "/paid/backend/x", "/paid/ws", "/free/chain"):
        for who in OTHERS.values():
            refused(ask(house.port, target, who, more=header))
            refused(ask(house.port, target, who, more=header, method="POST"))


def test_a_websocket_is_opened_for_payers_alone(house):
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\n{KEY}\r\n"
    text = "GET /paid/ws HTTP/1.1\r\nHost: localhost\r\n{}" + upgrade
    answer = send(house.port, text.format(lines(signed(PAYER))))
    assert answer.startswith(b"HTTP/1.1 101 ") and MARK in answer
    for who in OTHERS.values():
        assert send(house.port, text.format(lines(who) + "X: y\r\n").replace("Connection: Upgrade", "Connection: Upgrade, close")
                    ).split()[1] in (b"401", b"402", b"403")


def test_a_body_is_not_asked_for_where_the_answer_is_no(house):
    head = f"POST /paid/backend/x HTTP/1.1\r\nHost: localhost\r\n{lines(signed(ENDED))}"
    answer = send(house.port, head + "Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 402 ")


# Request lines and what comes one after another

REQUEST_LINES = [
    "GET /paid/page.html HTTP/1.0\r\n", "GET /paid/page.html HTTP/1.1\r\n", "GET /paid/page.html\r\n", "GET  /paid/page.html  HTTP/1.1\r\n",
    "GET\t/paid/page.html\tHTTP/1.1\r\n", "GET /paid/page.html HTTP/1.1\n", "\r\nGET /paid/page.html HTTP/1.1\r\n",
    "\n\nGET /paid/page.html HTTP/1.1\r\n", " GET /paid/page.html HTTP/1.1\r\n", "GET /paid/page.html HTTP/2.0\r\n",
    "GET /paid/page.html HTTP/9.9\r\n", "GET /paid/page.html http/1.1\r\n", "GET /paid/page.html HTTP/1.1 x\r\n",
    "GET /free/ /paid/page.html HTTP/1.1\r\n", "GET /paid/page.html FTP/1.1\r\n", "GET /paid/page.html HTTP/0.9\r\n",
    "GET /paid/page.html HTTP/1.1\r", "GET /paid/page.html\x00 HTTP/1.1\r\n", "GET /free/\r/../paid/page.html HTTP/1.1\r\n",
    "GET /free/ HTTP/1.1\r\nGET /paid/page.html HTTP/1.1\r\n", "CONNECT localhost:80 HTTP/1.1\r\n", "GET localhost:80/paid/ HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX: y\r\n",
]


@pytest.mark.parametrize("line", REQUEST_LINES, ids=range(len(REQUEST_LINES)))
def test_request_lines(house, line):
    for who in OTHERS.values():
        refused(send(house.port, f"{line}Host: localhost\r\n{lines(who)}Connection: close\r\n\r\n"))


def test_one_connection_s_requests_know_nothing_of_each_other(house):
    def one(who, more=""):
        return f"GET /paid/page.html HTTP/1.1\r\nHost: localhost\r\n{lines(who)}{more}\r\n"

    asked = [PAYER, ENDED, PAYER, None, PAYER, ENDED]
    text = "".join(one(signed(who) if who else {}, "Connection: close\r\n" if number == 5 else "")
                   for number, who in enumerate(asked))
    answer = send(house.port, text)
    assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", answer)] == [200, 402, 200, 401, 200, 402]
    assert answer.count(MARK) == 3


# HTTP/2

def curl(*arguments):
    return subprocess.run(["curl", "-s", "-S", "-k", "-i", "--max-time", "20", "--path-as-is", *arguments], check=False,
                          capture_output=True).stdout


def arguments(who):
    return [part for name, value in who.items() for part in ("-H", f"{name}: {value}")]


H2_PATHS = ["/paid/{}", "//paid/{}", "/./paid//{}", "/free/../paid/{}", "/%70aid/{}", "/free/%2e%2e/paid/{}", "/paid/{}?x"]
H2_ODD = ["/paid%2f{}", "/free/..%2fpaid/{}", "/PAID/{}", "/paid/{};x", "/free/..;/paid/{}", "/%2570aid/{}", "/free/%252e%252e/paid/{}"]
H2 = {"prior knowledge": ("--http2-prior-knowledge", "http", "PORT", "page.html"),
      "upgrade": ("--http2", "http", "PORT", "page.html"),
      "behind a proxy": ("--http2-prior-knowledge", "http", "PROXY", "x"),
      "tls": ("--http2", "https", "TLS", "x")}


@pytest.mark.parametrize("way", H2)
@pytest.mark.parametrize("form", H2_PATHS + H2_ODD)
def test_http2(house, form, way):
    option, scheme, port, name = H2[way]
    url = f"{scheme}://127.0.0.1:{house.values[port]}{form.format(name)}"
    for who in OTHERS.values():
        for more in ([], ["-X", "PROPFIND"], ["-d", "x"], ["-I"]):
            refused(curl(option, *more, *arguments(who), url))
    if form in H2_PATHS:
        answer = curl(option, *arguments(signed(PAYER)), url)
        assert b"HTTP/2 200" in answer and MARK in answer


@pytest.mark.parametrize("path", ["/free/per-directory", "/free/fallback/x", "/paid/", "/free/virtual.shtml", "/paid/one", "/any/page.html"])
def test_http2_other_ways(house, path):
    url = f"http://127.0.0.1:{house.port}{path}"
    for who in OTHERS.values():
        refused(curl("--http2-prior-knowledge", *arguments(who), url))
    assert MARK in curl("--http2-prior-knowledge", *arguments(signed(PAYER)), url)


def test_http2_streams_know_nothing_of_each_other(house):
    """One connection, many streams at once, with orgs that alternate."""
    transfers = []
    for number in range(40):
        who = signed(PAYER if number % 2 else ENDED)
        transfers.append("\n".join([
            f'url = "https://127.0.0.1:{house.values["TLS"]}/paid/{number}"', "http2", "insecure", "max-time = 30",
            f'header = "Authorization: {who["Authorization"]}"', f'output = "{house.root}/stream-{number}"']))
    path = house.root / "streams"
    path.write_text("\nnext\n".join(transfers))
    subprocess.run(["curl", "-s", "--parallel", "--parallel-max", "40", "-K", str(path)], check=True)
    for number in range(40):
        assert (MARK in (house.root / f"stream-{number}").read_bytes()) == bool(number % 2)
