# SPDX-License-Identifier: Apache-2.0
"""A graceful reload fails no request and forgets nothing."""
import threading

import pytest

from gate_support import ENDED, GATE, PAYER, POLICY, SECRET, gate, populate, signed
from harness.site import API

PAGE = "/paid/page.html"
RELOADS = 3
EXPECTED = ((PAGE, signed(PAYER), 200), (PAGE, signed(ENDED), 402), (PAGE, {}, 401), ("/free/", signed(ENDED), 200),
            (API + "/summary", signed(PAYER), 200), ("/paid/", signed(PAYER), 200))


class Load:
    """Asks on, in threads, until told to end; what went wrong is kept."""

    def __init__(self, server, threads=4):
        self._server = server
        self._over = threading.Event()
        self.wrong = []
        self.right = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self):
        while not self._over.is_set():
            for path, headers, status in EXPECTED:
                try:
                    answer = self._server.get(path, headers=headers)
                except OSError as error:
                    self.wrong.append((path, error))
                    continue
                if answer.status == status:
                    self.right += 1
                else:
                    self.wrong.append((path, answer))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_no_request_fails_while_the_server_reloads(cluster, database, site):
    server = populate(site(POLICY + GATE, database=cluster.conninfo(database)))
    with Load(server) as load:
        for _ in range(RELOADS):
            before = load.right
            server.reload()
            assert load.right > before
    assert not load.wrong, load.wrong[:3]


@pytest.mark.allowed_log("AH00629", "AH00632", "AH00633", "AH00636", "ATB0202")
def test_what_was_known_is_known_after_a_reload_without_a_database(cluster, database, site):
    server = populate(site(POLICY + GATE, database=cluster.conninfo(database)))
    assert server.get(PAGE, headers=signed(PAYER)).text == SECRET
    cluster.stop()
    try:
        server.reload()
        for _ in range(8):
            assert server.get(PAGE, headers=signed(PAYER)).text == SECRET
            assert server.get(PAGE, headers=signed(ENDED)).json["reason"] == "canceled"
    finally:
        cluster.start()


def test_another_policy_counts_from_the_reload_on(cluster, database, site):
    server = populate(site(POLICY + GATE, database=cluster.conninfo(database)))
    assert server.get("/free/", headers=signed(ENDED)).status == 200
    config = (server.root / "httpd.conf").read_text()
    server.write("httpd.conf", config + gate("/free"))
    server.reload()
    assert server.get("/free/", headers=signed(ENDED)).status == 402
    server.write("httpd.conf", config)
    server.reload()
    assert server.get("/free/", headers=signed(ENDED)).status == 200
