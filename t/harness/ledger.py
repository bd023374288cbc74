# SPDX-License-Identifier: Apache-2.0
"""What the database says: rows of the billing tables as dicts, NULL as None, times as seconds since the epoch. An event's
body is left to `body`."""
import json

TIMES = {
    "event": ("created", "received_at"),
    "customer": ("first_seen", "deleted_at"),
    "subscription": ("created", "period_end", "cancel_at", "watermark", "signal_at", "past_due_since"),
    "link": ("period_end", "cancel_at", "past_due_since", "changed_at"),
    "checkout": ("reserved_at", "expires_at"),
}


class Ledger:
    def __init__(self, cluster, database):
        self._cluster = cluster
        self._database = database

    def sql(self, text, **options):
        return self._cluster.psql(text, self._database, **options)

    def value(self, text):
        return self._cluster.value(text, self._database)

    def rows(self, table, where="true", order="1"):
        seconds = ", ".join(f"extract(epoch from {name})::bigint AS {name}" for name in TIMES.get(table, ()))
        row = "to_jsonb(r) - 'body'" + (f" || (SELECT to_jsonb(t) FROM (SELECT {seconds}) t)" if seconds else "")
        return json.loads(self.value(f"SELECT coalesce(json_agg({row} ORDER BY {order}), '[]') FROM billing.{table} r WHERE {where}"))

    def row(self, table, **key):
        """The one row with these column values; None where there is none."""
        where = " AND ".join(f"{column} = {literal(value)}" for column, value in key.items())
        found = self.rows(table, where)
        assert len(found) <= 1, found
        return found[0] if found else None

    def count(self, table, where="true"):
        return int(self.value(f"SELECT count(*) FROM billing.{table} WHERE {where}"))

    def event(self, event):
        return self.row("event", event_id=event["id"])

    def link(self, org, livemode=False):
        return self.row("link", org_id=org, livemode=livemode)

    def subscription(self, subscription_id):
        return self.row("subscription", subscription_id=subscription_id)

    def customer(self, customer_id):
        return self.row("customer", customer_id=customer_id)

    def body(self, event):
        """The kept raw body, in bytes."""
        return bytes.fromhex(self.value("SELECT encode(convert_to(body, 'UTF8'), 'hex') FROM billing.event"
                                        f" WHERE event_id = {literal(event['id'])}"))

    def reserve_checkout(self, org, session, state="open"):
        """A session as if the org had opened it here."""
        self.sql(f"INSERT INTO billing.org (org_id) VALUES ({literal(org)}) ON CONFLICT DO NOTHING;"
                 "INSERT INTO billing.checkout (org_id, livemode, provider, plan_key, price_id, return_url, session_id, url, state,"
                 f" expires_at) VALUES ({literal(org)}, false, 'stripe', 'founding_monthly', 'price_founding_monthly',"
                 f" 'https://app.example.com/billing', {literal(session)}, 'https://checkout.example', {literal(state)},"
                 " now() + interval '1 day')")


def literal(value):
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
