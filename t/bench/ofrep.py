# SPDX-License-Identifier: Apache-2.0
"""How long an OFREP answer takes at a fixed rate, counted from when the request was due."""
import json

from . import stacks
from .load import load, raw_request, request_file
from .row import at_most, interleave, pick

FLAGS = 50
RATE = 1000
PATH = "/ofrep/v1/evaluate/flags"
KINDS = {"single": "OFREP single, p99 at 1,000/s", "bulk": "OFREP bulk of 50, p99 at 1,000/s",
         "unchanged": "OFREP 304, p99 at 1,000/s"}
TARGETS = {"single": 1, "bulk": 2, "unchanged": 0.5}  # milliseconds
ROWS = tuple(KINDS.values())

FEATURES = [f"bench.feature{number:02}" for number in range(FLAGS)]
CONFIG = ("<BillingPlan founding_monthly>\n    BillingPrice stripe price_founding_monthly\n"
          f"    BillingGrant {' '.join(FEATURES)}\n</BillingPlan>\n"
          + "".join(f"<BillingFeature {key}>\n    BillingEnforce enforce\n</BillingFeature>\n" for key in FEATURES)
          + stacks.SIGN_IN + stacks.OPEN_WEBHOOK
          + 'BillingMount ofrep /ofrep\n<Location "/">\n    BillingOrg "%{REMOTE_USER}"\n</Location>\n')


def rows(context):
    site = stacks.ours(context, CONFIG)
    node_port = stacks.node(context, "constant.mjs")
    runs = {kind: (site.port, _requests(context, site, kind), 304 if kind == "unchanged" else 200) for kind in KINDS}
    runs["file"] = (site.port, _file_requests(context), 200)
    runs["node"] = (node_port, runs["single"][1], 200)
    samples = dict(zip(runs, interleave(pick(5, 1), *(_measure(context, *run) for run in runs.values()))))
    floor = (f"a file of the same server {samples['file'].median:.2f} ms, "
             f"a constant answered by Node {samples['node'].median:.2f} ms")
    return [at_most(KINDS[kind], samples[kind].median, "ms", TARGETS[kind], spread=samples[kind].spread, peer=floor,
                    ratio=samples[kind].over(samples["node"]).median, command="make bench NAMES=ofrep",
                    note="Open loop: a request's time counts from when it was due. The ratio is to Node's constant.")
            for kind in KINDS]


def _measure(context, port, requests, status):
    def p99():
        done = load(context, port, requests, connections=16, rate=RATE, seconds=pick(4, 2), status=status)
        return done.time["p99"] / 1000
    return p99


def _requests(context, site, kind):
    path = f"{PATH}/{FEATURES[0]}" if kind == "single" else PATH
    requests = []
    for org in stacks.ORGS:
        body = json.dumps({"context": {"targetingKey": org}}).encode()
        headers = {**stacks.authorization(org), "Content-Type": "application/json; charset=utf-8"}
        answer = site.post(path, headers=headers, body=body)
        assert answer.status == 200, answer
        if kind == "single":
            assert answer.json["value"] is True, answer
        else:
            assert len(answer.json["flags"]) == FLAGS, answer
        if kind == "unchanged":
            headers["If-None-Match"] = answer.header("etag")
        requests.append(raw_request("POST", path, headers, body))
    return request_file(context, f"ofrep-{kind}", requests)


def _file_requests(context):
    return request_file(context, "ofrep-file",
                        [raw_request("GET", stacks.FREE, stacks.authorization(org)) for org in stacks.ORGS])
