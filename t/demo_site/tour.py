# SPDX-License-Identifier: Apache-2.0
"""The page that the demonstration opens on: the story in steps, each with the lines of httpd.conf that make it."""
import html

from harness.site import PASSWORD

TITLE = "Freight with Friends"

INTRODUCTION = """
<p>A trucking application for several organisations, behind Apache with mod_attune_billing. The application knows nothing of
billing; what you see at each step is made by the lines shown there, out of the <code>httpd.conf</code> that is running
({conf}).</p>
"""


class Step:
    """`people`: who goes to see it, as (name, path, label). `lines`: how the parts of httpd.conf begin that make it."""

    def __init__(self, title, text, people, lines):
        self.title, self.text, self.people, self.lines = title, text, people, lines


STEPS = (
    Step("A gated page", "acme has not bought anything. Its owner asks for the dispatch board and meets a 402, with the way to "
         "billing. A program gets the same as problem+json.",
         [("alice", "/dispatch/", "Open the dispatch board as alice, owner at acme")],
         ['<Location "/dispatch">', "<BillingFeature trucking.dispatch>"]),
    Step("The billing status page", "One sentence says how things stand, one button what to do. Nothing of it is the "
         "application’s. Whose it is follows from the site’s own sign-in.",
         [("alice", "/billing", "See billing as alice"), ("bob", "/billing", "… as bob, who may only look")],
         ["BillingMount                page", "    BillingOrg", "    BillingRole "]),
    Step("Buying", "Subscribe with the card 4242 4242 4242 4242 in the simulated Checkout. Stripe’s webhooks, and nothing else, "
         "make the plan active, and the board opens for everybody at acme.",
         [("alice", "/billing", "Subscribe as alice"), ("bob", "/dispatch/", "Open the board as bob, dispatcher")],
         ["<BillingPlan founding_monthly>", "BillingStripe", "BillingReturnURL", '<Location "/api/v1/billing/webhook">']),
    Step("On a page of your own", "The same status as an element, or as JSON from <code>/api/v1/billing/summary</code>.",
         [("alice", "/account", "Open the account page as alice")], ["BillingMount                api"]),
    Step("Only watched", "Reports are in <code>monitor</code>: they open for globex, which has bought nothing, and the shadow "
         "report counts who would have been stopped. So a gate is turned on without breaking anybody.",
         [("carol", "/reports/", "Open the reports as carol, owner at globex")],
         ['<Location "/reports">', "<BillingFeature trucking.reports>"]),
    Step("The operators’ page", "Health, orgs with their overrides, the shadow report with grandfathering, events with replay, and "
         "why a decision came out as it did.",
         [("olga", "/billing-admin/", "Look behind the scenes as olga")],
         ["BillingMount                admin", '<Location "/billing-admin">']),
    Step("Metrics", "Every decision, webhook, call and wait is counted over all of Apache’s processes, for "
         "<a href='/billing-metrics'>Prometheus</a>.", [], ["BillingMount                metrics", '<Location "/billing-metrics">']),
    Step("When a payment fails", "Let one fail in the simulator, and see what the status page says to acme, and the features’ "
         "days of grace. Cancelling works the same way, in the portal.", [("alice", "/billing", "See billing as alice")],
         ["    BillingPastDue"]),
)


def excerpt(conf, beginning):
    """The block, or the lines, that begin so."""
    lines = conf.splitlines()
    if not beginning.startswith("<"):
        found = [line.strip() for line in lines if line.startswith(beginning)]
        assert found, beginning
        return "\n".join(found)
    start = lines.index(beginning)
    end = lines.index(f"</{beginning[1:].split(' ')[0].rstrip('>')}>", start)
    return "\n".join(lines[start:end + 1])


def button(person, path, label):
    return (f"<form method='post' action='/signed-in'><input type='hidden' name='httpd_password' value='{PASSWORD}'>"
            f"<input type='hidden' name='httpd_location' value='{path}'>"
            f"<button name='httpd_username' value='{person}'>{label}</button></form>")


def body(conf, conf_path, stripe_url):
    """The steps. `stripe_url`: of the simulator, None where it is the real one."""
    parts = [INTRODUCTION.format(conf=f"<code>{html.escape(str(conf_path))}</code>"), "<ol class='steps'>"]
    for step in STEPS:
        shown = html.escape("\n\n".join(excerpt(conf, beginning) for beginning in step.lines))
        parts.append(f"<li><h2>{step.title}</h2><p>{step.text}</p>{''.join(button(*person) for person in step.people)}"
                     f"<p class='look'>In httpd.conf</p><pre tabindex='0'>{shown}</pre></li>")
    parts.append("</ol>")
    if stripe_url:
        parts.append(f"<p>The simulated Stripe is at <a href='{stripe_url}/'>{stripe_url}</a>.</p>")
    return "".join(parts)
