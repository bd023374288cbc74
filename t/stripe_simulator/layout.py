# SPDX-License-Identifier: Apache-2.0
# What the pages have in common: layout, escaping, money, the form for a card.
import html
from datetime import datetime, timezone

from . import cards

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
.banner { background: #5b2a86; color: #fff; padding: .5rem 1rem; text-align: center; font-weight: 600; }
main { max-width: 36rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; }
section { border: 1px solid GrayText; border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
label { display: block; font-weight: 600; margin-top: .75rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .25rem; }
button, .button { font: inherit; padding: .55rem 1rem; margin: .75rem .5rem 0 0; border-radius: .375rem;
  border: 1px solid #5b2a86; background: transparent; color: inherit; cursor: pointer; display: inline-block; }
button.first { background: #5b2a86; color: #fff; }
:focus-visible { outline: 3px solid #c38bff; outline-offset: 2px; }
[role=alert] { border: 2px solid #c0392b; border-radius: .375rem; padding: .75rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .5rem .25rem 0; }
td.amount, th.amount { text-align: right; }
small { color: GrayText; }
"""
NO_MINOR_UNITS = ("jpy",)
EXPLAINED = (
    ("4242 4242 4242 4242", "pays, now and at each renewal"),
    ("4000 0000 0000 0341", "can be saved, and is declined whenever it is charged"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "is declined: insufficient funds"),
    ("000123456789", "bank account: pays four days later"),
    ("000111111116", "bank account: fails four days later"),
)
GOOD_CARD = EXPLAINED[0][0]


class Redirect:
    def __init__(self, url):
        self.url = url


def escape(value):
    return html.escape(str(value), quote=True)


def money(amount, currency):
    if currency in NO_MINOR_UNITS:
        return f"{amount} {currency.upper()}"
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d} {(currency or '').upper()}"


def day(moment):
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%-d %B %Y")


def page(title, body):
    return (f"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{escape(title)}</title>"
            f"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head>"
            "<body><div class=\"banner\" role=\"note\">Simulated Stripe – test only. No money moves.</div>"
            f"<main><h1>{escape(title)}</h1>{body}</main></body></html>\n")


def alert(message):
    return f"<p role=\"alert\" id=\"error\">{escape(message)}</p>" if message else ""


def lines_table(lines, total, currency):
    rows = "".join(f"<tr><td>{escape(name)}</td><td class=\"amount\">{money(amount, currency)}</td></tr>"
                   for name, amount in lines)
    return (f"<table><thead><tr><th scope=\"col\">What</th><th scope=\"col\" class=\"amount\">Amount</th></tr></thead>"
            f"<tbody>{rows}<tr><th scope=\"row\">Total</th><td class=\"amount\" id=\"total\"><strong>"
            f"{money(total, currency)}</strong></td></tr></tbody></table>")


def card_field(value=GOOD_CARD):
    options = "".join(f"<option value=\"{number}\">{number}: {what}</option>" for number, what in EXPLAINED)
    rows = "".join(f"<tr><td><code>{number}</code></td><td>{what}</td></tr>" for number, what in EXPLAINED)
    return (f"<label for=\"card\">Test card or bank account</label>"
            f"<input id=\"card\" name=\"card\" list=\"test-cards\" value=\"{escape(value)}\" autocomplete=\"off\" "
            f"required><datalist id=\"test-cards\">{options}</datalist><details><summary>Test numbers</summary>"
            f"<table><tbody>{rows}</tbody></table></details>")


def instrument_from(form):
    """(instrument, None), or (None, message) for a number that is not a test card's."""
    found = cards.instrument_of(str(form.get("card", "")))
    return (None, found.message) if isinstance(found, cards.Decline) else (found, None)
