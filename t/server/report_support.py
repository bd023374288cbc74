# SPDX-License-Identifier: Apache-2.0
"""A site whose gates only watch, and what operators ask of it."""
import json

from harness.site import ALICE, CATALOGUE, token

MONITOR = CATALOGUE + """
BillingMount admin /operate
<BillingFeature trucking.dispatch>
    BillingEnforce monitor
    BillingRoles owner dispatcher
</BillingFeature>
<BillingFeature trucking.reports>
    BillingEnforce monitor
    BillingUses trucking.maxLocations
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
<Location "/reports">
    BillingRequireFeature trucking.reports
</Location>
"""
ENFORCE = MONITOR.replace("BillingEnforce monitor", "BillingEnforce enforce")

CLEAN = ("truncate billing.org, billing.event, billing.shadow, billing.shadow_source, billing.grandfather, billing.audit"
         " cascade")


def call(server, method, path, body=None, **headers):
    more = {"Content-Type": "application/json"} if body is not None else {}
    return server.request(method, "/operate" + path, headers={**server.who(ALICE), **more, **headers},
                          body=json.dumps(body).encode() if body is not None else None)


def person(org, role="owner"):
    return token(org_id=org, role=role, sub="someone")


def documents(server):
    server.write("htdocs/dispatch/index.html", "the board")
    server.write("htdocs/dispatch/list.html", "the list")
    server.write("htdocs/reports/list.html", "the reports")
    return server


def use(server, org, path="/dispatch/list.html", times=1, role="owner"):
    return [server.get(path, headers=person(org, role)).status for _ in range(times)]


def rows(server, query=""):
    """The report's rows by (org, feature, reason)."""
    reply = call(server, "GET", "/shadow" + query)
    assert reply.status == 200, reply
    return {(row["org"], row["feature"], row["reason"]): row for row in reply.json["rows"]}


def counts(server, query=""):
    return {key: row["requests"] for key, row in rows(server, query).items()}
