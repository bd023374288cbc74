# SPDX-License-Identifier: Apache-2.0
"""What tests of nodes and their database share: a cluster of one's own that may be stopped, a site whose org is named by
a header (a proxy in front of it signs people in), and gates that tell what they saw."""
import contextlib
import http.client
import subprocess
import threading
import typing

from harness import client, stripe_events
from harness.cluster import Cluster, binary, migrate
from harness.processes import Process
from harness.site import CATALOGUE
from harness.waiting import wait_for

# One that must be verified within two seconds, one that trusts what it knew.
NODE = CATALOGUE + """
BillingCacheRefresh 200ms
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingStale max=24h then=deny
</BillingFeature>
<BillingFeature trucking.reports>
    BillingEnforce enforce
    BillingStale max=2s then=deny
</BillingFeature>
<Location "/">
    BillingOrg "%{HTTP:X-Org}" trusted-proxy=127.0.0.1
    Header always set X-Seen "%{BILLING_STATUS}e,%{BILLING_PLAN}e,%{BILLING_REASON}e,%{BILLING_AGE}e"
</Location>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
<Location "/reports">
    BillingRequireFeature trucking.reports
</Location>
"""

# What a node says that has lost its database: ours, the webhook's, mod_dbd's (not used, but it looks as well).
AWAY = ("ATB0202", "ATB0402", "AH00629", "AH00632", "AH00633", "AH00636", "AH00634", "AH03093")


class Seen(typing.NamedTuple):
    code: int
    status: str
    plan: str
    reason: str
    age: int


def make_node(site, conninfo, config=NODE, **options):
    server = site(config, database=conninfo, sign_in=None, start=False, **options)
    server.allow("AH03093")
    server.write("htdocs/dispatch/index.html", "the board")
    server.write("htdocs/reports/index.html", "the reports")
    server.write("htdocs/free/index.html", "for everybody")
    return server


def look(server, org, path="/dispatch/", connection=None):
    """What the gate says to an org."""
    ask = connection.request if connection else server.request
    return seen(ask("GET", path, headers={"X-Org": org}))


def seen(reply):
    status, plan, reason, age = reply.header("X-Seen").split(",")
    return Seen(reply.status, status, plan, reason, int(age) if age.isdigit() else -1)


def deliver_again(server, event):
    """As the provider does: until it is taken."""
    return wait_for(lambda: server.deliver(event).json.get("outcome"), what="the event to be taken")


def subscribe(server, org, status="active", kind="created", **fields):
    """By a signed event, as the provider does."""
    answer = server.deliver(stripe_events.subscription_event(kind, sub=f"sub_{org}", customer=f"cus_{org}", org=org,
                                                             status=status, **fields))
    assert answer.json["outcome"] == "applied", answer


@contextlib.contextmanager
def own_cluster(scratch, workspace, **options):
    """A cluster with one migrated database, `attune`."""
    made = Cluster(scratch, **options).start()
    try:
        made.create_database("attune")
        migrate(workspace, made.conninfo("attune"))
        yield made
    finally:
        made.remove()


class Session:
    """psql that is kept open: a transaction begins now and ends later. As superuser, or as `conninfo` says."""

    def __init__(self, cluster, database, conninfo=None):
        self._process = Process(cluster.scratch, [binary("psql"), "-X", "-q", "-A", "-t", "-d",
                                                  conninfo or cluster.superuser_conninfo(database)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, sql):
        """Returns once it is done: the last line that it printed. None where it printed nothing or has ended."""
        try:
            self._process.stdin.write(f"{sql};\n\\echo done\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        last = None
        while (line := self._process.stdout.readline().decode()) not in ("done\n", ""):
            last = line.strip()
        return last

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stop()


class Load:
    """Threads that keep asking gates about orgs until `stop`; what was not as expected is in `wrong`."""

    def __init__(self, server, orgs, expected, threads=6, path="/dispatch/"):
        self._server, self._orgs, self._expected, self._path = server, orgs, expected, path
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.count = 0
        self.wrong = []
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        done = 0
        with client.Connection(self._server.port) as connection:
            while not self._over.is_set():
                org = self._orgs[(number + done) % len(self._orgs)]
                found = self._look(connection, org)
                if found != self._expected:
                    with self._lock:
                        self.wrong.append((org, found))
                done += 1
        with self._lock:
            self.count += done

    def _look(self, connection, org):
        """As a browser does, once more where a child that ends closes a connection that was kept alive."""
        for again in (True, False):
            try:
                return look(self._server, org, self._path, connection)[:4]
            except (OSError, http.client.HTTPException) as problem:
                connection.close()
                if not again:
                    return repr(problem)

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
