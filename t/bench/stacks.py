# SPDX-License-Identifier: Apache-2.0
"""Four servers with the same document twice, /free/page.html and /gated/page.html: both behind the same sign-in by
password, the second behind a gate."""
import base64
import dataclasses
import hashlib
import pathlib
import shutil

from harness import client, stripe_events
from harness.ports import reserve_port
from harness.processes import Process
from harness.site import CATALOGUE, WEBHOOK
from harness.waiting import wait_for

from .load import load, raw_request, request_file

ORGS = tuple(f"org{number}" for number in range(8))  # each is the user of its name
DEBTOR = "debtor"                                    # signs in, too, and has paid nothing
PASSWORD = "open sesame"
PAGE = "<!doctype html><title>a page</title>\n" + "<p>what only payers may read\n" * 32
PEERS = pathlib.Path(__file__).parent / "peers"
FREE, GATED = "/free/page.html", "/gated/page.html"

SIGN_IN = """
<Location "/">
    AuthType Basic
    AuthName "bench"
    AuthBasicProvider file
    AuthUserFile "@ROOT@/people"
    Require valid-user
</Location>
"""

# After the sign-in, which would otherwise count here, too.
OPEN_WEBHOOK = f"""
<Location "{WEBHOOK}">
    AuthType None
    Require all granted
</Location>
"""

OURS = CATALOGUE + SIGN_IN + OPEN_WEBHOOK + """
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/">
    BillingOrg "%{REMOTE_USER}"
</Location>
<Location "/gated">
    BillingRequireFeature trucking.dispatch
</Location>
"""

DATABASE = """
DBDriver pgsql
DBDParams "@DATABASE@"
DBDMin 4
DBDKeep 16
DBDMax 16
"""

AUTHZ_DBD = DATABASE + SIGN_IN + """
<Location "/gated">
    AuthzDBDQuery "SELECT CASE status WHEN 'active' THEN 'paid' END FROM gate WHERE org = %s"
    Require dbd-group paid
</Location>
"""

LUA = DATABASE + SIGN_IN + """
DBDPrepareSQL "SELECT 1 FROM gate WHERE org = %s AND status = 'active'" org_paid
LuaScope thread
LuaCodeCache forever
LuaAuthzProvider paid "@ROOT@/gate.lua" paid
<Location "/gated">
    Require paid
</Location>
"""

GATE_TABLE = ("CREATE TABLE gate (org text PRIMARY KEY, status text NOT NULL); GRANT SELECT ON gate TO PUBLIC;"
              "INSERT INTO gate SELECT 'org' || n, 'active' FROM generate_series(0, 999) n; ANALYZE gate")


@dataclasses.dataclass(frozen=True)
class Stack:
    name: str
    port: int

    def rate(self, context, path, seconds):
        """Requests per second over 16 connections."""
        return load(context, self.port, _requests(context, path), connections=16, seconds=seconds).rate

    def added(self, context, count):
        """Microseconds by which a gated request takes longer than an ungated one, where they take turns on one
        connection: so both meet the same machine, however busy it is. Medians of `count` requests of each."""
        times = load(context, self.port, _requests(context, FREE, GATED), count=2 * count, groups=2).groups
        return times[1] - times[0]


def authorization(org):
    return client.basic(org, PASSWORD)


def people():
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    return "".join(f"{org}:{{SHA}}{digest}\n" for org in (*ORGS, DEBTOR))


def ours(context, config=OURS):
    """A Site whose orgs have paid."""
    site = context.site(config, sign_in=None, database=context.cluster.conninfo(context.database()))
    _furnish(site.write)
    for org in ORGS:
        event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org,
                                                 status="active")
        answer = site.deliver(event)
        assert answer.status == 200 and answer.json["outcome"] == "applied", answer
    return site


def attune(context):
    return _checked(Stack("mod_attune_billing", ours(context).port))


def authz_dbd(context):
    return _httpd_peer(context, "mod_authz_dbd", AUTHZ_DBD, ["authz_dbd"])


def lua(context):
    return _httpd_peer(context, "a mod_lua gate", LUA, ["dbd", "lua"])


def nginx(context):
    """With the gate in Node behind auth_request."""
    folder, port = context.scratch.folder("nginx"), reserve_port()
    gate_port = node(context, "gate.mjs", *ORGS)
    for name in ("htdocs/free", "htdocs/gated"):
        (folder / name).mkdir(parents=True)
        context.scratch.account.own(folder / name)
    _furnish(lambda path, text: context.scratch.write(folder / path, text))
    for name in ("htdocs", "htdocs/free", "htdocs/gated"):
        (folder / name).chmod(0o755)
    config = (PEERS / "nginx.conf").read_text()
    for word, value in {"ROOT": folder, "PORT": port, "GATE": gate_port}.items():
        config = config.replace(f"@{word}@", str(value))
    context.scratch.write(folder / "nginx.conf", config)
    server = Process(context.scratch, ["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf", "-e",
                                       folder / "error.log"], output=folder / "console.log")
    context.until_stage_ends(server.kill)
    wait_for(lambda: answers(port), 30, lambda: "nginx: " + (folder / "console.log").read_text())
    return _checked(Stack("nginx, auth_request to Node", port))


def node(context, script, *words):
    """The port of one of the peers in Node, once it answers."""
    port = reserve_port()
    copy = context.scratch.folder("node") / script
    shutil.copyfile(PEERS / script, copy)
    copy.chmod(0o644)
    process = Process(context.scratch, ["node", copy, port, *words], output=copy.with_suffix(".log"))
    context.until_stage_ends(process.kill)
    wait_for(lambda: answers(port), 30, lambda: f"{script}: " + copy.with_suffix(".log").read_text())
    return port


def _httpd_peer(context, name, config, modules):
    database = context.database()
    context.cluster.psql(GATE_TABLE, database)
    site = context.site(config, sign_in=None, modules=modules, start=False,
                        values={"DATABASE": context.cluster.conninfo(database)})
    _furnish(site.write)
    site.write("gate.lua", (PEERS / "gate.lua").read_text())
    site.start()
    return _checked(Stack(name, site.port))


def _furnish(write):
    write("people", people())
    write("htdocs/free/page.html", PAGE)
    write("htdocs/gated/page.html", PAGE)


def answers(port):
    try:
        return client.request(port, "GET", "/", timeout=2).status
    except OSError:
        return None


def _checked(stack):
    """The gate lets pass who paid, and nobody else."""
    for org in ORGS:
        for path in (FREE, GATED):
            answer = client.request(stack.port, "GET", path, headers=authorization(org))
            assert (answer.status, answer.text) == (200, PAGE), (stack.name, path, answer)
    denied = client.request(stack.port, "GET", GATED, headers=authorization(DEBTOR))
    assert denied.status in (401, 402, 403), (stack.name, denied)
    return stack


def _requests(context, *paths):
    """The file of them: for each org, each path."""
    name = "requests" + "".join(paths).replace("/", "-")
    if not (context.scratch.path / name).exists():
        request_file(context, name, [raw_request("GET", path, authorization(org)) for org in ORGS for path in paths])
    return context.scratch.path / name
