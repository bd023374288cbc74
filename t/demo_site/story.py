# SPDX-License-Identifier: Apache-2.0
"""The whole story, unattended: each step says what happens and checks that it did."""
from harness import stripe_events, stripe_sign
from harness.site import ALICE, API, BOB, CAROL, WEBHOOK

from .stage import OPERATOR, WEBHOOK_SECRET


class Story:
    def __init__(self, stage):
        self.stage = stage
        self.steps = 0

    def say(self, text):
        self.steps += 1
        print(f"{self.steps:2}. {text}", flush=True)

    def board(self, session, status):
        reply = self.stage.httpd.get("/dispatch/", headers=session)
        assert reply.status == status, f"the dispatch board answered {reply}"
        if status == 402:
            assert reply.header("Content-Type") == "application/problem+json", reply
        return reply

    def summary(self, session, status):
        json = self.stage.httpd.get(API + "/summary", headers=session).json
        assert json["subscription"]["status"] == status, json
        return json

    def deliver(self, event):
        reply = stripe_sign.deliver(self.stage.httpd.port, WEBHOOK, event, WEBHOOK_SECRET)
        assert reply.status == 200 and reply.json["outcome"] == "applied", reply

    def play(self):
        self.by_webhook()
        self.by_checkout()
        self.by_page()
        self.stage.httpd.assert_clean_log()
        print("The whole story came true.")
        return 0

    def by_webhook(self):
        carol = self.stage.sign_in(CAROL)
        reply = self.board(carol, 402)
        self.say(f"globex has no subscription: GET /dispatch/ → 402, {reply.text}")
        self.summary(carol, "none")
        self.say("GET /summary says none, and what a subscription would open")
        parties = {"sub": "sub_globex", "customer": "cus_globex", "org": "globex"}
        self.deliver(stripe_events.subscription_event("created", status="active", **parties))
        self.board(carol, 200)
        self.summary(carol, "active")
        self.say("a signed customer.subscription.created: GET /dispatch/ → 200, the summary says active")
        self.deliver(stripe_events.subscription_event("deleted", status="canceled", **parties))
        self.board(carol, 402)
        self.summary(carol, "canceled")
        self.say("a signed customer.subscription.deleted: GET /dispatch/ → 402, the summary says canceled")

    def page(self, session, path, words):
        reply = self.stage.httpd.get(path, headers=session)
        assert reply.status == 200 and words in reply.text, f"{path} does not say {words!r}: {reply}"

    def by_page(self):
        self.page(self.stage.sign_in(ALICE), "/billing", "Your subscription has ended.")
        self.say("the status page tells alice so, and offers the way back: GET /billing")
        olga = self.stage.sign_in(OPERATOR)
        self.page(olga, "/billing-admin/", "Last webhook")
        self.page(olga, "/billing-admin/page/orgs", "globex")
        self.say("olga, who runs the platform, sees the last webhook and all orgs: GET /billing-admin/")
        assert "attune_billing_decisions_total{" in self.stage.httpd.get("/billing-metrics").text
        self.say("Prometheus finds every decision counted: GET /billing-metrics")

    def by_checkout(self):
        stripe, httpd = self.stage.stripe, self.stage.httpd
        alice, bob = self.stage.sign_in(ALICE), self.stage.sign_in(BOB)
        json = {"Content-Type": "application/json"}
        self.board(bob, 402)
        assert httpd.get("/reports/", headers=bob).status == 200
        self.say("acme has none either; reports are only watched, so bob gets them")
        bought = httpd.post(API + "/checkout-session", headers={**alice, **json}, body=b"{}")
        assert bought.status == 200, bought
        again = httpd.post(API + "/checkout-session", headers={**alice, **json}, body=b"{}")
        assert again.json == bought.json, again
        self.say(f"alice buys: POST /checkout-session → {bought.json['url']}; a second click gets the same")
        (session,) = stripe.get("state/checkout.session")["checkout.session"]
        stripe.post(f"checkout/{session}/pay")
        self.board(bob, 200)
        self.summary(alice, "active")
        self.say("she pays in Checkout, the webhooks come in, bob's dispatch board is open")
        portal = httpd.post(API + "/portal-session", headers={**alice, **json}, body=b"{}")
        assert portal.status == 200, portal
        (subscription,) = stripe.get("state/subscription")["subscription"]
        stripe.post(f"subscriptions/{subscription}/cancel")
        self.board(bob, 402)
        self.say("she cancels: the board is closed again")
        would = [line for line in (httpd.root / "access.log").read_text().splitlines() if "would-deny" in line]
        assert would, "nobody would have been denied?"
        self.say(f"the access log tells who would have been stopped at the reports: {would[0]}")
