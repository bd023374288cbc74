# SPDX-License-Identifier: Apache-2.0
"""Secrets come from files, the environment and programs, and are shown nowhere."""
import time
import urllib.request

import pytest

from configtest import ServerRoot, readable, running, with_secrets

EVERY_SOURCE = """
BillingStripeSecretKey file:test.key
BillingStripeWebhookSecret file:webhook env:TEST_WEBHOOK "exec:program with arguments"
BillingMount api /billing
"""


@pytest.fixture
def root(tmp_path):
    return with_secrets(ServerRoot(tmp_path))


@pytest.fixture
def readable_root():
    with readable() as made:
        yield made


@pytest.mark.parametrize("arguments", [
    ["-t"], ["-t", "-DDUMP_CONFIG"], ["-S"], ["-M"], ["-t", "-DDUMP_RUN_CFG"], ["-t", "-e", "debug"],
])
def test_no_secret_is_shown(root, arguments):
    root.write("program", "#!/bin/sh\necho whsec_SECRETfromprogram\n", mode=0o700)
    result = root.run(EVERY_SOURCE, *arguments, env={"TEST_WEBHOOK": "whsec_SECRETfromenvironment"})
    assert result.code == 0, result.output
    assert "SECRET" not in result.output
    if "-DDUMP_CONFIG" in arguments:
        assert "file:test.key" in result.output


@pytest.mark.parametrize("arguments", [["-t", "-DDUMP_CONFIG"], ["-S"], ["-M"]])
def test_showing_the_configuration_reads_no_secret(root, arguments):
    result = root.run("BillingStripeSecretKey file:missing\nBillingMode live\n"
                      "BillingStripeWebhookSecret \"exec:/bin/sh -c 'touch ran'\" env:TEST_UNSET", *arguments)
    assert result.code == 0, result.output
    assert not (root.path / "ran").exists()


@pytest.mark.bad_input
def test_a_literal_secret_is_not_shown_by_a_dump(root):
    result = root.run("BillingStripeSecretKey sk_live_LITERALSECRET", "-t", "-DDUMP_CONFIG")
    result.assert_refused("SecretKey", "never written")
    assert "LITERAL" not in result.output


def test_a_program_s_arguments_are_not_repeated(root):
    result = root.run("BillingMode live\nBillingStripeSecretKey exec:/bin/sh -c 'echo sk_test_51HnSECRETvalue' CONFIDENTIAL")
    result.assert_refused("SecretKey", "exec:/bin/sh")
    assert "CONFIDENTIAL" not in result.output and "SECRET" not in result.output


def test_a_program_that_hangs_is_ended(root):
    begun = time.monotonic()
    result = root.run("BillingStripeSecretKey exec:/bin/sleep 50")
    result.assert_refused("SecretKey", "took longer than 10 s")
    assert time.monotonic() - begun < 40


def test_a_program_gets_no_input(root):
    root.write("print-input", "#!/bin/sh\ncat\necho sk_test_51HnSECRETvalue\n", mode=0o700)
    root.run("BillingStripeSecretKey exec:print-input", typed=b"nothing to do with it\n").assert_ok()


def test_neither_the_log_nor_mod_info_shows_a_secret(readable_root):
    readable_root.write("test.key", "sk_test_51HnSECRETvalue\n")
    readable_root.write("webhook", "whsec_SECRETvalue\n")
    readable_root.write("program", "#!/bin/sh\necho whsec_SECRETfromprogram\n", mode=0o700)
    body = f'{EVERY_SOURCE}DBDriver pgsql\nLogLevel trace8\n<Location "/info">\nSetHandler server-info\n</Location>\n'
    with running(readable_root, body, {"TEST_WEBHOOK": "whsec_SECRETfromenvironment"}) as url:
        with urllib.request.urlopen(f"{url}/info", timeout=10) as answer:
            page = answer.read().decode()
    assert "file:test.key" in page
    assert "SECRET" not in page + (readable_root.path / "error.log").read_text()
