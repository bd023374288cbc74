# SPDX-License-Identifier: Apache-2.0
"""What the documents show of httpd.conf, httpd takes."""
import re
import textwrap

import pytest

from configtest import TOP, ServerRoot

DOCUMENTS = ("README.md", "conf/README.md", "conf/OPERATIONS.md")
PLAN = """
<BillingPlan another>
    BillingGrant trucking.dispatch
</BillingPlan>
"""


def snippets():
    for name in DOCUMENTS:
        for number, (_, text) in enumerate(re.findall(r"^( *)```apache\n(.*?)^\1```$", (TOP / name).read_text(), re.S | re.M), 1):
            yield pytest.param(textwrap.dedent(text), id=f"{name}-{number}")


@pytest.mark.parametrize("text", snippets())
def test_a_snippet_is_accepted(tmp_path, text):
    root = ServerRoot(tmp_path)
    root.write("stripe.key", "sk_test_of_a_document\n")
    for name in ("webhook.secret", "webhook.secret.old"):
        root.write(name, "whsec_of_a_document\n")
    # Signing in is a site's own; the database is the harness's unless the snippet names one.
    body = text.replace("/etc/attune", str(root.path)) + ("" if "<BillingPlan" in text else PLAN)
    own = re.findall(r"^DBD.*$", body, re.M)
    result = root.run(body, database="") if own else root.run(body)
    result.assert_ok()
