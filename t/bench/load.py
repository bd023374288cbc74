# SPDX-License-Identifier: Apache-2.0
"""The load client, load.c, from Python: files of requests, runs, and what they say."""
import dataclasses
import json
import subprocess

from harness.processes import clean_environment

PATIENCE_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Load:
    """`time`: microseconds, "mean", "p50", "p90", "p99", "p999" and "max". `groups`: the median of each, microseconds."""
    groups: list
    requests: int
    seconds: float
    rate: float
    bytes: int
    connects: int
    resent: int
    unexpected: int
    statuses: dict
    time: dict


def raw_request(method, path, headers=None, body=b""):
    """As it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def request_file(context, name, requests):
    """The path of a file, in the run's scratch, that `load` reads."""
    return context.scratch.write(name, b"".join(b"%d\n%s" % (len(request), request) for request in requests))


def load(context, port, requests, *, connections=1, seconds=None, count=None, rate=None, once=False, status=200,
         groups=1):
    """Loads 127.0.0.1:port from a file of requests, see load.c. Any other status than `status` is an error here."""
    options = {"-p": port, "-c": connections, "-d": seconds, "-n": count, "-r": rate, "-s": status, "-g": groups}
    words = [str(word) for pair in options.items() if pair[1] is not None for word in pair] + ["-o"] * once
    result = subprocess.run([context.tool("load"), *words, requests], capture_output=True, text=True, cwd="/",
                            check=False, timeout=PATIENCE_SECONDS, env=clean_environment(context.scratch),
                            **context.scratch.account.popen_arguments())
    if result.returncode != 0:
        raise RuntimeError(f"load {' '.join(words)} {requests} ended with {result.returncode}:\n"
                           f"{result.stderr}{result.stdout}")
    return Load(**json.loads(result.stdout))
