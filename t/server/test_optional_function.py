# SPDX-License-Identifier: Apache-2.0
"""attune_billing_can, as another module compiled with the installed header uses it."""
import shutil
import subprocess

import pytest

from gate_support import ENDED, NOBODY_PAID, PAYER, feature, signed, stop, subscribe
from harness.site import CATALOGUE, token
from harness.workspace import TOP

CONFIG = CATALOGUE + feature("trucking.dispatch", "BillingEnforce enforce", "BillingUses trucking.maxLocations") + feature(
    "trucking.reports", "BillingEnforce monitor") + '<Location "/probe">\n    SetHandler billing-probe\n</Location>\n'


@pytest.fixture(scope="module")
def probe(scratch):
    """The module, built as its author would, by apxs."""
    folder = scratch.folder("probe")
    shutil.copy(TOP / "t/server/modules/mod_billing_probe.c", folder)
    apxs = shutil.which("apxs2") or shutil.which("apxs")
    built = subprocess.run([apxs, "-I", str(TOP / "mod_billing"), "-Wc,-Wall", "-Wc,-Werror", "-c", "mod_billing_probe.c"],
                           cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    module = folder / "mod_billing_probe.so"
    shutil.copyfile(folder / ".libs/mod_billing_probe.so", module)
    module.chmod(0o755)
    return module


@pytest.fixture(scope="module", params=["before", "after"])
def server(request, cluster, database, probe, module_site):
    """Loaded before and after ours: the order does not matter."""
    order = {"before": [probe], "after": []}[request.param]
    config = {"before": "", "after": f'LoadModule billing_probe_module "{probe}"\n'}[request.param] + CONFIG
    made = module_site(config, database=cluster.conninfo(database), modules=order)
    subscribe(made, f"{PAYER.org}")
    subscribe(made, ENDED.org, "canceled")
    yield made
    stop(made)


def ask(server, key, headers):
    answer = server.get(f"/probe?{key}", headers=headers)
    assert answer.status == 200
    return answer.json


@pytest.mark.parametrize("person, key, expected", [
    (PAYER, "trucking.dispatch", [1, 0, "plan", PAYER.org, "active", "founding_monthly", 5]),
    (PAYER, "trucking.reports", [1, 0, "plan", PAYER.org, "active", "founding_monthly", -2]),
    (ENDED, "trucking.dispatch", [0, 0, "canceled", ENDED.org, "canceled", "founding_monthly", 5]),
    (ENDED, "trucking.reports", [1, 1, "canceled", ENDED.org, "canceled", "founding_monthly", -2]),
    (NOBODY_PAID, "trucking.dispatch", [0, 0, "no_subscription", NOBODY_PAID.org, "none", "-", -2]),
    (PAYER, "no.such", [0, 0, "unknown_feature", PAYER.org, "active", "founding_monthly", -2]),
])
def test_a_module_learns_the_decision(server, person, key, expected):
    assert ask(server, key, signed(person))["late"] == expected


def test_before_sign_in_nobody_has_an_org(server):
    early = ask(server, "trucking.dispatch", signed(PAYER))["early"]
    assert early == [0, 0, "no_org", "-", "", "-", -2]


def test_nobody_signed_in_to_an_org(server):
    assert ask(server, "trucking.dispatch", token(sub="nobody"))["late"] == [0, 0, "no_org", "-", "", "-", -2]


def test_without_our_module_the_function_is_not_there(site, probe):
    server = site('<Location "/probe">\n    SetHandler billing-probe\n</Location>\n', sign_in=None, modules=[probe])
    assert server.get("/probe?trucking.dispatch").json == {}
