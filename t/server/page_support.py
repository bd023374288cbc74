# SPDX-License-Identifier: Apache-2.0
"""What tests of the module's own pages share: reading them, and what each of them must be."""
import html.parser

PAGE = "/billing"
SITE = f"""
BillingMount page {PAGE}
<BillingFeature trucking.routing>
    BillingEnforce enforce
</BillingFeature>
"""


class Page(html.parser.HTMLParser):
    """The text of a page, its forms, links, tables and elements, as a browser without scripts sees them."""

    def __init__(self, reply):
        super().__init__()
        self.reply, self.words, self.tags, self.forms, self.links, self.rows = reply, [], [], [], [], []
        self._open = None
        self.feed(reply.text)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        self._open = tag
        if tag == "form":
            self.forms.append((values.get("method", "get"), values["action"], {}))
        elif tag == "input" and self.forms:
            self.forms[-1][2][values["name"]] = values.get("value", "")
        elif tag == "a":
            self.links.append(values["href"])
        elif tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        if data.strip():
            self.words.append(data.strip())
            if self._open in ("td", "th", "span", "code", "a") and self.rows:
                self.rows[-1].append(data.strip())

    @property
    def text(self):
        return " ".join(self.words)

    def elements(self, tag):
        return [values for name, values in self.tags if name == tag]


def page_of(reply, status=200):
    """A page, and a safe one: nothing of it is kept, framed, or run from anywhere but this server."""
    assert reply.status == status, reply
    assert reply.header("content-type") == "text/html; charset=utf-8", reply
    assert reply.header("cache-control") == "private, no-store"
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("referrer-policy") == "same-origin"
    policy = dict(part.strip().split(" ", 1) for part in reply.header("content-security-policy").split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    page = Page(reply)
    assert len(page.elements("h1")) == 1 and page.elements("title") and page.elements("html") == [{"lang": "en"}]
    for tag, attributes in page.tags:
        assert tag not in ("style", "iframe") and "style" not in attributes, (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert tag != "script" or attributes["src"].startswith("/"), attributes
    return page
