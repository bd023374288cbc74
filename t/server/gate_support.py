# SPDX-License-Identifier: Apache-2.0
"""What the gate's tests share: a catalogue, orgs that paid or did not, gated documents."""
from harness import stripe_events
from harness.site import CATALOGUE, TOKEN_SIGN_IN, Person, token

SECRET = "what only payers may read"

PAYER = Person("pat", "payer", "owner")
ENDED = Person("eva", "ended", "owner")
OVERDUE = Person("otto", "overdue", "owner")
NOBODY_PAID = Person("nina", "nothing", "owner")

ENFORCED = "BillingEnforce enforce"
DISPATCH = "trucking.dispatch"

# From where no test may start: nothing but the catalogue.
POLICY = CATALOGUE + """
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingPastDue deny
</BillingFeature>
"""

GATE = """
<Location "/paid">
    BillingRequireFeature trucking.dispatch
</Location>
"""

# Sign-in by token, where nobody asks for it: Require all granted.
TOKEN_SIGN_IN_UNASKED = TOKEN_SIGN_IN.replace("Require valid-user", "Require all granted")


def feature(key, *lines):
    return f"<BillingFeature {key}>\n" + "".join(f"    {line}\n" for line in lines) + "</BillingFeature>\n"


def gate(path, *lines, key=DISPATCH):
    return (f'<Location "{path}">\n    BillingRequireFeature {key}\n' + "".join(f"    {line}\n" for line in lines)
            + "</Location>\n")


def subscribe(server, org, status="active", **fields):
    """By a signed event, as the provider does."""
    kind = "deleted" if status == "canceled" else "created"
    answer = server.deliver(stripe_events.subscription_event(kind, sub=f"sub_{org}", customer=f"cus_{org}", org=org,
                                                             status=status, **fields))
    assert answer.json["outcome"] == "applied", answer


def populate(server):
    """One org of each kind; NOBODY_PAID's is never heard of."""
    server.allow("AH03093")  # mpm_event, where it is told to end while it parks a connection
    subscribe(server, PAYER.org)
    subscribe(server, ENDED.org, "canceled")
    subscribe(server, OVERDUE.org, "past_due")
    server.write("htdocs/paid/index.html", SECRET)
    server.write("htdocs/paid/page.html", SECRET)
    server.write("htdocs/free/index.html", "for everybody")
    return server


def signed(person, **claims):
    return token(org_id=person.org, role=person.role, sub=person.name, **claims)


def stop(*servers):
    """For a file's own fixture, while its database is still there: pytest ends `database` and `module_site` in either
    order, whichever a test asked for last."""
    for server in servers:
        server.stop()
