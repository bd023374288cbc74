# SPDX-License-Identifier: Apache-2.0
"""Reading what the metrics mount says."""
import re
import shutil
import subprocess

METRICS = "/metrics"
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def scrape(server):
    """The text."""
    answer = server.get(METRICS)
    assert answer.status == 200, answer
    return answer.text


def samples(text):
    """(name, labels by name as a sorted tuple) to value."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            key = name, tuple(sorted(LABEL.findall(labels or "")))
            assert key not in found, f"{key} stands there twice"
            found[key] = float(value)
    return found


def value(server, name, **labels):
    """Of one sample, None where there is none. `attune_billing_` is understood."""
    return samples(scrape(server)).get((f"attune_billing_{name}", tuple(sorted(labels.items()))))


class Difference:
    """What happened between two looks."""

    def __init__(self, server):
        self._server = server
        self._before = samples(scrape(server))

    def of(self, name):
        """Label values, sorted by label, to how much the samples of this name grew; those that did not are left out."""
        grown = {}
        for (sample, labels), now in samples(scrape(self._server)).items():
            growth = now - self._before.get((sample, labels), 0)
            if sample == f"attune_billing_{name}" and growth:
                grown[tuple(word for _, word in labels)] = growth
        return grown


def promtool(*words, text=None):
    """(exit status, what it said)"""
    command = shutil.which("promtool")
    assert command, "promtool is not installed; t/install check does"
    result = subprocess.run([command, *map(str, words)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            encoding="utf-8", check=False, timeout=60)
    return result.returncode, result.stdout
