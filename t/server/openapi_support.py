# SPDX-License-Identifier: Apache-2.0
"""The description of the routes as a judge of real answers. Clients must expect further members; the judge does not, so
that nothing goes out that is not described."""
import copy
import json
import re

import jsonschema
from simulator_support import TOP

DOCUMENT = json.loads((TOP / "mod_billing/web/openapi.json").read_text())


def _strict(node):
    if isinstance(node, list):
        return [_strict(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    made = {name: _strict(entry) for name, entry in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


STRICT = copy.deepcopy(DOCUMENT)
STRICT["components"]["schemas"] = _strict(STRICT["components"]["schemas"])


def resolved(node):
    while "$ref" in node:
        found = STRICT
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def validator(schema):
    """A validator of `schema`, a part of the document."""
    jsonschema.Draft202012Validator.check_schema(schema)
    resolver = jsonschema.RefResolver("", STRICT)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


class Judge:
    """Holds answers against the description, and remembers which statuses of which operation were seen."""

    def __init__(self):
        self.seen = set()

    def operation(self, method, path):
        """The path as it is described, and the operation. The longest that fits: a fixed segment before a varying one."""
        for described in sorted(STRICT["paths"], key=lambda one: one.count("{")):
            pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{\w+}", described))
            item = resolved(STRICT["paths"][described])
            if re.fullmatch(pattern, path) and method.lower() in item:
                return described, item[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def hold(self, method, path, reply, status=None, code=None):
        """`path` below the mount. Returns the reply."""
        assert status is None or reply.status == status, reply
        described, operation = self.operation(method, path.split("?")[0])
        assert str(reply.status) in operation["responses"], f"{method} {described}: {reply}"
        self.hold_response(resolved(operation["responses"][str(reply.status)]), reply)
        assert code is None or reply.json.get("code", reply.json.get("errorCode")) == code, reply
        self.seen.add((method, described, reply.status))
        return reply

    def hold_response(self, response, reply):
        for name, header in response.get("headers", {}).items():
            validator(resolved(header)["schema"]).validate(reply.header(name))
        if "content" not in response:
            assert reply.body == b""
            return
        kind = reply.header("Content-Type").split(";")[0]
        assert kind in response["content"], reply
        validator(response["content"][kind]["schema"]).validate(reply.json)
