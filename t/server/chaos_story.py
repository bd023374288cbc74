# SPDX-License-Identifier: Apache-2.0
"""A seeded story of many organisations at the simulated provider, and a postman who delivers its events as badly as a
network can: all of them twice, shuffled, late, cut short, some never."""
import collections
import http.client
import json
import random
import threading
import time

from harness import client, stripe_sign
from harness.site import WEBHOOK, WEBHOOK_SECRET
from stripe_simulator.errors import ControlError

PRICES = {"price_founding_monthly": "founding_monthly", "price_fleet_monthly": "fleet_monthly"}
ENDED = ("canceled", "incomplete_expired")
DAY = 86400
STORY_DAYS = 24  # the provider lists events for thirty days

# What happens to a subscription, and how often.
ACTIONS = {"touch": 6, "change-price": 4, "fail-next-payment": 4, "cancel-at-period-end": 3, "take-back-cancellation": 2,
           "pause": 2, "resume": 3, "cancel": 2, "decline-card": 2, "good-card": 3, "pause-collection": 1,
           "unpause-collection": 1, "status": 1, "again": 3, "delete-customer": 1}


class Story:
    """What people and the provider do, in waves. The same for every run with the same seed, but for what is refused."""

    def __init__(self, driver, seed, orgs):
        self._driver = driver
        self._random = random.Random(f"story {seed}")
        self._orgs = [f"org{number:03d}" for number in range(orgs)]
        self._waiting = list(self._orgs)
        self._subscriptions = []  # (org, id, customer)
        self._newest = None

    def wave(self, waves):
        """A wave of doings, and a while that goes by. Returns the events that came of them."""
        for _ in range(-(-len(self._orgs) // waves)):
            if self._waiting:
                self._subscribe(self._waiting.pop())
        for _ in range(len(self._subscriptions) // 3):
            self._let_time_pass()
            self._act()
        self._driver.advance(STORY_DAYS * DAY // waves, step=False)
        return self._new_events()

    def _let_time_pass(self):
        """Half of all happens within one second of something else."""
        if self._random.random() < 0.5:
            self._driver.advance(self._random.choice([1, 1, 2, 60, 3600]), step=False)

    def _subscribe(self, org):
        trial = {"trial_days": 3} if self._random.random() < 0.15 else {}
        made = self._driver.post("subscriptions", price=self._random.choice(list(PRICES)),
                                 metadata={"attune_org": org}, **trial)
        self._subscriptions.append((org, made["id"], made["customer"]))

    def _act(self):
        org, subscription, customer = self._random.choice(self._subscriptions)
        action = self._random.choices(list(ACTIONS), ACTIONS.values())[0]
        body = {"change-price": {"price": self._random.choice(list(PRICES))},
                "fail-next-payment": {"times": self._random.randint(1, 4)},
                "status": {"status": self._random.choice(["active", "past_due", "unpaid"])}}.get(action, {})
        if action == "again" or not self._is_live(subscription):  # what has ended does not come back
            self._subscribe(org)
            return
        try:
            if action == "delete-customer":
                self._driver.post(f"customers/{customer}/delete")
            else:
                self._driver.post(f"subscriptions/{subscription}/{action}", **body)
        except ControlError:
            pass  # nothing to resume, to take back, to pay

    def _is_live(self, subscription):
        return self._driver.get(f"state/subscription/{subscription}")["status"] not in ENDED

    def _new_events(self):
        """What was made since the last time, oldest first, as the API lists it."""
        found = []
        params = {"limit": 100}
        while True:
            page = self._driver.api("GET", "events", params).body
            for event in page["data"]:
                if event["id"] == self._newest:
                    break
                found.append(event)
            else:
                if page["has_more"]:
                    params["starting_after"] = page["data"][-1]["id"]
                    continue
            break
        self._newest = found[0]["id"] if found else self._newest
        return found[::-1]


class Postman:
    """Delivers over many kept connections until each letter is taken; `progress` is called after each answer."""

    def __init__(self, port, seed, threads=12):
        self._port = port
        self._random = random.Random(f"postman {seed}")
        self._lock = threading.Condition()
        self._letters = collections.deque()
        self._under_way = 0
        self._over = False
        self.taken = 0
        self.outcomes = collections.Counter()
        self.refused = collections.Counter()
        self.delivered = set()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def post(self, events, copies=2):
        """Shuffled; each `copies` times."""
        letters = [(event["id"], stripe_sign.encode(event)) for event in events] * copies
        self._random.shuffle(letters)
        with self._lock:
            self._letters.extend(letters)
            self._lock.notify_all()

    def cut(self, events):
        """Half of the body, then the line is dead. Nothing comes of it."""
        for event in events:
            body = stripe_sign.encode(event)
            lines = "".join(f"{name}: {value}\r\n" for name, value in stripe_sign.headers(body, WEBHOOK_SECRET).items())
            head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
            try:
                client.raw(self._port, head.encode() + body[:len(body) // 2], method="POST", end=True)
            except OSError:
                pass

    def wait(self):
        with self._lock:
            self._lock.wait_for(lambda: not self._letters and not self._under_way)

    def close(self):
        with self._lock:
            self._over = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def _next(self):
        with self._lock:
            self._lock.wait_for(lambda: self._letters or self._over)
            if self._over:
                return None
            self._under_way += 1
            return self._letters.popleft()

    def _run(self):
        connection = client.Connection(self._port, timeout=20)
        while letter := self._next():
            identifier, body = letter
            try:
                reply = stripe_sign.deliver(self._port, WEBHOOK, body, WEBHOOK_SECRET, connection=connection)
                answer = reply.status
            except (OSError, http.client.HTTPException) as problem:
                connection.close()
                connection = client.Connection(self._port, timeout=20)
                answer = type(problem).__name__
            self._note(letter, identifier, answer, reply.json["outcome"] if answer == 200 else None)
        connection.close()

    def _note(self, letter, identifier, answer, outcome):
        with self._lock:
            self._under_way -= 1
            if outcome:
                self.taken += 1
                self.outcomes[outcome] += 1
                self.delivered.add(identifier)
            else:
                self.refused[answer] += 1
                self._letters.append(letter)
            self._lock.notify_all()
        if not outcome:
            time.sleep(0.05)


def handled(event):
    """Whether it is of a type that the sweep asks for."""
    kind = event["type"]
    return kind in ("customer.deleted", "invoice.paid", "invoice.payment_succeeded", "invoice.payment_failed") or (
        kind.startswith("customer.subscription.") and kind.rsplit(".", 1)[1] in (
            "created", "updated", "deleted", "paused", "resumed"))


# The oracle

STATUS = {"trialing": "active", "active": "active", "past_due": "past_due", "unpaid": "past_due", "canceled": "canceled",
          "incomplete_expired": "canceled", "paused": "canceled", "incomplete": "none"}


def expected_subscriptions(objects):
    """By id, as rows of billing.subscription."""
    rows = {}
    for each in objects["subscription"].values():
        rows[each["id"]] = {
            "org_id": each["metadata"]["attune_org"], "customer_id": each["customer"], "raw_status": each["status"],
            "status": STATUS[each["status"]], "ended": each["status"] in ENDED, "created": each["created"],
            "period_end": max(item["current_period_end"] for item in each["items"]["data"]),
            "cancel_at": cancel_at(each), "price_ids": [item["price"]["id"] for item in each["items"]["data"]],
            "unsettled": False}
    return rows


def cancel_at(subscription):
    if subscription["cancel_at"]:
        return subscription["cancel_at"]
    if subscription.get("cancel_at_period_end"):
        return max(item["current_period_end"] for item in subscription["items"]["data"])
    return None


def expected_links(subscriptions):
    """By org, as rows of billing.link: live before ended, then the newest, then the greater id."""
    by_org = collections.defaultdict(list)
    for identifier, row in subscriptions.items():
        by_org[row["org_id"]].append((not row["ended"], row["created"], identifier, row))
    links = {}
    for org, several in by_org.items():
        _, _, identifier, row = max(several)
        links[org] = {"subscription_id": identifier, "status": row["status"], "plan_key": PRICES[row["price_ids"][0]],
                      "grace_over": row["raw_status"] == "unpaid", "period_end": row["period_end"],
                      "cancel_at": row["cancel_at"], "price_ids": row["price_ids"],
                      "live_count": sum(1 for live, *_ in several if live),
                      "is_overdue": row["status"] == "past_due"}
    return links


def read_rows(cluster, database, sql):
    """Rows of a statement that gives one JSON object each."""
    return [json.loads(row[0]) for row in cluster.psql(sql, database)]
