# SPDX-License-Identifier: Apache-2.0
"""Real clients of npm, installed once, and the node to run them with."""
import os
import pathlib
import shutil
import subprocess

import pytest

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"


def node_of(clients):
    """The node that was installed with the packages, where the machine's own is too old."""
    chosen = clients / "node-path"
    return chosen.read_text().strip() if chosen.exists() else "node"


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """t/clients with its packages: where ATTUNE_CLIENTS says they are installed, or installed here for once."""
    if os.environ.get("ATTUNE_CLIENTS"):
        return pathlib.Path(os.environ["ATTUNE_CLIENTS"])
    folder = tmp_path_factory.mktemp("clients") / "clients"
    shutil.copytree(CLIENTS, folder, ignore=shutil.ignore_patterns("node_modules"))
    run(["npm", "ci", "--no-audit", "--no-fund"], folder)
    return folder


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout
