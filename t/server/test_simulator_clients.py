# SPDX-License-Identifier: Apache-2.0
# The official Stripe SDK and its typings as judges of the simulator.
import subprocess

import pytest
from harness.clients import clients, node_of, run  # noqa: F401
from stripe_simulator.driver import Driver


def test_the_official_sdk_lives_through_everything_and_its_typings_fit(clients, tmp_path):
    """Every object and event that the story makes is held against Stripe's own typings, so that neither a member that
    they demand is missing nor one that they do not know is there."""
    node = node_of(clients)
    with Driver.start() as sim:
        run([node, str(clients / "simulator" / "story.mjs"), sim.url], clients)
        made = run([node, str(clients / "simulator" / "typings.mjs"), sim.url], clients)
    for kind in ("Stripe.Checkout.Session", "Stripe.Subscription", "Stripe.Invoice", "Stripe.Event", "Before<"):
        assert f": {kind}" in made
    (tmp_path / "node_modules").symlink_to(clients / "node_modules")
    judged = [made, made.replace('"cancel_at_period_end": false', '"cancel_at_period_end": 0', 1)]
    for index, text in enumerate(judged):
        (tmp_path / f"made{index}.ts").write_text(text)
    tsc = [node, str(clients / "node_modules" / ".bin" / "tsc"), "--noEmit", "--strict", "--module", "nodenext",
           "--moduleResolution", "nodenext", "--target", "es2022", "--skipLibCheck", "--types", "node"]
    run([*tsc, "made0.ts"], tmp_path)
    # The judge is awake: it sees one wrong member.
    with pytest.raises(AssertionError, match="TS2322"):
        run([*tsc, "made1.ts"], tmp_path)
