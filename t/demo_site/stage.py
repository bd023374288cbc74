# SPDX-License-Identifier: Apache-2.0
"""What the demonstration runs: PostgreSQL, Apache in front of the application, the Stripe simulator."""
import os

from harness import cluster as clusters
from harness.cluster import Cluster
from harness.httpd import Httpd
from harness.site import PASSWORD, PEOPLE, WEBHOOK, Person, password_file
from stripe_simulator.driver import Driver

from . import tour

WEBHOOK_SECRET = "whsec_demonstration"
OPERATOR = Person("olga", "", "")

# What an operator would write. The application needs no line for billing's own paths.
SITE = """
DBDriver pgsql
DBDParams "@DATABASE@"

BillingStripeSecretKey      @STRIPE_KEY@
BillingStripeWebhookSecret  file:@ROOT@/webhook.secret
@STRIPE_BASE@
BillingReturnURL            http://127.0.0.1:@PORT@/billing
BillingMount                api /api/v1/billing
BillingMount                page /billing
BillingMount                admin /billing-admin
BillingMount                metrics /billing-metrics

<BillingPlan founding_monthly>
    BillingPlanName  "Founding member"
    BillingPrice     stripe @PRICE@
    BillingGrant     trucking.dispatch trucking.reports
    BillingLimit     trucking.maxLocations 5
</BillingPlan>
<BillingFeature trucking.dispatch>
    BillingEnforce   enforce
    BillingRoles     owner dispatcher
    BillingPastDue   grace=7d
</BillingFeature>
<BillingFeature trucking.reports>
    BillingEnforce   monitor
</BillingFeature>

Session On
SessionMaxAge 86400
SessionCookieName session path=/;HttpOnly
<Location "/">
    AuthType form
    AuthFormProvider file
    AuthName "site"
    AuthUserFile "@ROOT@/people"
    AuthFormLoginRequiredLocation "/sign-in"
    AuthFormLoginSuccessLocation "/"
    AuthFormLogoutLocation "/sign-in"
    Require valid-user
    RewriteEngine On
@PEOPLE@    BillingOrg  "%{reqenv:SITE_ORG}"
    BillingRole "%{reqenv:SITE_ROLE}"
    RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
</Location>
<Location "/signed-in">
    SetHandler form-login-handler
</Location>
<Location "/sign-out">
    SetHandler form-logout-handler
    SessionMaxAge 1
</Location>
<LocationMatch "^/(sign-in|style\\.css)?$">
    AuthType None
    Require all granted
</LocationMatch>
<Location "/api/v1/billing/webhook">
    AuthType None
    Require all granted
</Location>

<Location "/billing-admin">
    Require user @OPERATOR@
</Location>
<Location "/billing-metrics">
    AuthType None
    Require local
</Location>

<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
<Location "/reports">
    BillingRequireFeature trucking.reports
</Location>

LogFormat "%t %u %>s \\"%r\\" org=%{BILLING_ORG}n feature=%{BILLING_FEATURE}n decision=%{BILLING_DECISION}n reason=%{BILLING_REASON}n" billing
CustomLog "@ROOT@/access.log" billing

ProxyPass /signed-in !
ProxyPass /sign-out !
ProxyPass / http://127.0.0.1:@BACKEND@/
"""

MODULES = ("request", "session", "session_cookie", "auth_form", "rewrite", "proxy_http", "log_config", "dbd")


class Stage:
    def __init__(self, scratch, workspace, backend, real_key=None):
        self.scratch = scratch
        self.workspace = workspace
        self.backend = backend
        self.real_key = real_key
        self.cluster = self.httpd = self.stripe = None

    def start(self):
        self.cluster = Cluster(self.scratch).start()
        self.database = self.cluster.create_database("attune")
        print(clusters.migrate(self.workspace, self.cluster.conninfo(self.database)), end="")
        if not self.real_key:
            self.stripe = Driver.start("--price", "price_founding_monthly=2900:usd:month:Founding member")
        people = "".join(f"    RewriteCond %{{REMOTE_USER}} ={person.name}\n"
                         f"    RewriteRule ^ - [E=SITE_ORG:{person.org},E=SITE_ROLE:{person.role}]\n" for person in PEOPLE)
        values = {
            "DATABASE": self.cluster.conninfo(self.database), "BACKEND": self.backend.port, "PEOPLE": people,
            "OPERATOR": OPERATOR.name,
            "STRIPE_KEY": "env:STRIPE_SECRET_KEY",
            "STRIPE_BASE": f"BillingStripeAPIBase        {self.stripe.url}" if self.stripe else "",
            "PRICE": os.environ.get("STRIPE_PRICE", "price_founding_monthly"),
        }
        self.httpd = Httpd(self.scratch, SITE, [*MODULES, self.workspace.module], values,
                           environment={"STRIPE_SECRET_KEY": self.real_key or "sk_test_simulator0000"}, name="apache")
        self.httpd.write("people", password_file((*PEOPLE, OPERATOR)))
        secret = os.environ.get("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET) if self.real_key else WEBHOOK_SECRET
        self.httpd.write("webhook.secret", secret + "\n")
        conf = self.httpd.root / "httpd.conf"
        self.backend.add("/", tour.TITLE, tour.body(conf.read_text(), conf, self.stripe.url if self.stripe else None))
        self.httpd.start()
        if self.stripe:
            self.stripe.post("webhooks", url=f"{self.url}{WEBHOOK}", secret=WEBHOOK_SECRET)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.httpd.port}"

    def sign_in(self, person):
        """Headers of a person's session, as the sign-in page makes one."""
        form = f"httpd_username={person.name}&httpd_password={PASSWORD.replace(' ', '+')}".encode()
        reply = self.httpd.post("/signed-in", body=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
        cookie = reply.header("Set-Cookie")
        assert cookie, f"no session for {person.name}: {reply}"
        return {"Cookie": cookie.split(";")[0]}

    def invitation(self):
        jar = self.scratch.path / "jar"
        stripe = (f"Simulated Stripe     {self.stripe.url}" if self.stripe else
                  f"Real Stripe: in another terminal say\n"
                  f"  stripe listen --forward-to {self.url}{WEBHOOK}\n"
                  f"and start again with STRIPE_WEBHOOK_SECRET=whsec_… as it prints it, and STRIPE_PRICE=price_… of a monthly "
                  f"price of yours.")
        return f"""
The site             {self.url}/
{stripe}
httpd.conf           {self.httpd.root}/httpd.conf
the access log       {self.httpd.root}/access.log

Open the site: its first page leads through the story, step by step, with the lines of httpd.conf that make it. Or with
curl:

  curl -s -c {jar} -d httpd_username=carol -d 'httpd_password={PASSWORD}' {self.url}/signed-in -o /dev/null
  curl -s -b {jar} {self.url}/dispatch/
  curl -s -b {jar} {self.url}/api/v1/billing/summary
  curl -s -b {jar} -H 'Content-Type: application/json' -d '{{}}' {self.url}/api/v1/billing/checkout-session

Ctrl-C ends it and leaves nothing behind.
"""

    def stop(self):
        for part, end in ((self.httpd, lambda: self.httpd.stop()), (self.stripe, lambda: self.stripe.stop()),
                          (self.cluster, lambda: self.cluster.remove())):
            if part:
                end()


