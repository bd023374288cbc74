# SPDX-License-Identifier: Apache-2.0
"""A tenant site as the module meets it: people of several organisations who sign in, by password or by access token, and
billing below /api/v1/billing."""
import base64
import dataclasses
import hashlib

from . import client, stripe_sign
from .httpd import Httpd
from .tokens import sign_token


@dataclasses.dataclass(frozen=True)
class Person:
    name: str
    org: str
    role: str


ALICE = Person("alice", "acme", "owner")
BOB = Person("bob", "acme", "dispatcher")
CAROL = Person("carol", "globex", "owner")
DAVE = Person("dave", "initech", "owner")
PEOPLE = (ALICE, BOB, CAROL, DAVE)

PASSWORD = "open sesame"
TOKEN_KEY = "a key of thirty-two bytes or more, for HS256"
STRIPE_KEY = "sk_test_harness"
WEBHOOK_SECRET = "whsec_harness"
OLD_WEBHOOK_SECRET = "whsec_harness_before"
API = "/api/v1/billing"
WEBHOOK = API + "/webhook"

# Access tokens are judged locally: no identity provider, no network.
TOKEN_SIGN_IN = f"""
OIDCCryptoPassphrase "only for the cache"
OIDCOAuthVerifySharedKeys "plain#site#{TOKEN_KEY}"
OIDCOAuthRemoteUserClaim sub
<Location "/">
    AuthType oauth20
    Require valid-user
</Location>
"""

# httpd has no map from users to organisations of its own that needs no database. Rewriting in a directory's context runs
# early in fixups, so these names appear when claims do.
PASSWORD_SIGN_IN = """
<Location "/">
    AuthType Basic
    AuthName "site"
    AuthBasicProvider file
    AuthUserFile "@ROOT@/people"
    Require valid-user
    RewriteEngine On
{people}</Location>
"""
PASSWORD_PERSON = """    RewriteCond %{{REMOTE_USER}} ={name}
    RewriteRule ^ - [E=SITE_ORG:{org},E=SITE_ROLE:{role}]
"""

IDENTITY = """
<Location "/">
    BillingOrg  "%{{reqenv:{org}}}"
    BillingRole "%{{reqenv:{role}}}"
</Location>
"""

# A database that hangs must cost a bounded wait.
DATABASE = """
DBDriver pgsql
DBDParams "@DATABASE@ connect_timeout=2 tcp_user_timeout=3000 options='-c statement_timeout=2000 -c lock_timeout=1000'"
DBDMax 16
"""

BILLING = DATABASE + f"""
BillingStripeSecretKey     file:@ROOT@/stripe.key
BillingStripeWebhookSecret file:@ROOT@/webhook.secret file:@ROOT@/webhook.secret.old
BillingReturnURL           https://app.example.com/billing
BillingMount api {API}
<Location "{WEBHOOK}">
    AuthType None
    Require all granted
</Location>
"""

CATALOGUE = """
<BillingPlan founding_monthly>
    BillingPlanName "Founding member"
    BillingPrice    stripe price_founding_monthly
    BillingGrant    trucking.dispatch trucking.reports
    BillingLimit    trucking.maxLocations 5
</BillingPlan>
<BillingPlan fleet_monthly>
    BillingPlanName "Fleet"
    BillingPrice    stripe price_fleet_monthly
    BillingGrant    trucking.dispatch trucking.reports trucking.routing
    BillingLimit    trucking.maxLocations unlimited
</BillingPlan>
"""


class Site(Httpd):
    """An httpd with `sign_in` "token" (any organisation, by its token), "password" (PEOPLE) or None, and with billing
    where a `database` (conninfo) is given; then `workspace` has the module. `config` comes last. `without`: directives of
    the usual configuration that are left out, such as BillingStripeSecretKey, so that no provider is asked."""

    def __init__(self, scratch, config="", *, workspace=None, database=None, sign_in="token", modules=(), values=None,
                 without=(), **options):
        self.sign_in = sign_in
        modules = [*modules, *{"token": ["auth_openidc"], "password": ["rewrite"], None: []}[sign_in]]
        values = dict(values or {})
        text = {"token": TOKEN_SIGN_IN, "password": _password_sign_in(), None: ""}[sign_in]
        if database:
            modules = [*modules, "dbd", workspace.module]
            values["DATABASE"] = database
            text += _left_out(BILLING, without) + _identity(sign_in)
        self._text = text
        super().__init__(scratch, text + config, modules, values, **options)
        self.write("people", password_file(PEOPLE))
        self.write("stripe.key", STRIPE_KEY + "\n")
        self.write("webhook.secret", WEBHOOK_SECRET + "\n")
        self.write("webhook.secret.old", OLD_WEBHOOK_SECRET + "\n")

    def configure_site(self, config):
        """As configure, for the part that is the test's own."""
        self.configure(self._text + config)

    def who(self, person):
        """Headers that sign a person in."""
        if self.sign_in == "password":
            return client.basic(person.name, PASSWORD)
        return token(org_id=person.org, role=person.role, sub=person.name)

    def deliver(self, event, secret=WEBHOOK_SECRET, path=WEBHOOK, **signing):
        """Posts a provider's event as the provider does; `signing` as in stripe_sign.signature_header."""
        return stripe_sign.deliver(self.port, path, event, secret, **signing)


def token(**claims):
    """Headers with an access token: org_id, role and whatever else it shall claim."""
    return client.bearer(sign_token(TOKEN_KEY, **claims))


def _left_out(text, directives):
    return "".join(line for line in text.splitlines(keepends=True) if line.split(" ")[0] not in directives)


def _identity(sign_in):
    names = {"token": ("OIDC_CLAIM_org_id", "OIDC_CLAIM_role"), "password": ("SITE_ORG", "SITE_ROLE")}.get(sign_in)
    return IDENTITY.format(org=names[0], role=names[1]) if names else ""


def _password_sign_in():
    return PASSWORD_SIGN_IN.format(people="".join(PASSWORD_PERSON.format(**vars(person)) for person in PEOPLE))


def password_file(people):
    """For AuthUserFile; all have PASSWORD."""
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    return "".join(f"{person.name}:{{SHA}}{digest}\n" for person in people)
