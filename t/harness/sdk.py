# SPDX-License-Identifier: Apache-2.0
"""Stripe's official SDK for Node as a second opinion on signatures. Its processes live as long as this object."""
import base64
import json
import os
import pathlib
import subprocess

from .processes import Process
from .workspace import TOP

FOLDER_VARIABLE = "ATTUNE_CLIENTS"  # where `t/install clients` has put t/clients with what it needs


def client_folder(scratch):
    """t/clients with its packages installed."""
    if os.environ.get(FOLDER_VARIABLE):
        return pathlib.Path(os.environ[FOLDER_VARIABLE])
    folder = scratch.folder("clients")
    subprocess.run([str(TOP / "t/install"), "clients", str(folder)], check=True, stdin=subprocess.DEVNULL)
    return folder


def node(folder):
    """The node that `t/install clients` chose: the machine's, or its own where that is too old."""
    return (pathlib.Path(folder) / "node-path").read_text().strip()


class OfficialSdk:
    def __init__(self, scratch):
        self._scratch = scratch
        self._folder = client_folder(scratch)
        self._scripts = {}

    def sign(self, payload, secret, timestamp=None):
        """The header for a body (bytes), by stripe.webhooks.generateTestHeaderString."""
        return self._ask("sign.mjs", payload, secret=secret, timestamp=timestamp)["header"]

    def verify(self, payload, header, secret, tolerance=300):
        """None, or why stripe.webhooks.constructEvent refused."""
        return self._ask("verify.mjs", payload, header=header, secret=secret, tolerance=tolerance)["error"]

    def _ask(self, script, payload, **question):
        process = self._scripts.get(script)
        if process is None:
            process = self._scripts[script] = Process(
                self._scratch, [node(self._folder), self._folder / script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        question["payload"] = base64.b64encode(payload).decode()
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"{script} ended with {process.exit_status}"
        return json.loads(answer)

    def close(self):
        for process in self._scripts.values():
            process.kill()
            process.stdin.close()
            process.stdout.close()
        self._scripts = {}
