# SPDX-License-Identifier: Apache-2.0
# What a test may choose about the simulated account, by command line or POST /_sim/settings.
from dataclasses import asdict, dataclass, field, fields

from .errors import ControlError
from .shapes import NEWEST

FINAL_ACTIONS = ("cancel", "unpaid", "past_due")


@dataclass
class Settings:
    # The account's default API version: the shape of events, unless a webhook endpoint has its own.
    api_version: str = NEWEST
    # What becomes of a subscription after the last payment retry.
    final_action: str = "cancel"
    # Days from each failed payment to the next attempt; after the last one final_action comes.
    retry_days: list = field(default_factory=lambda: [3, 5, 7])
    # Seconds from the making of a renewal's invoice to its payment.
    finalize_delay: int = 3600
    # Put off that payment, up to 72 hours, until every endpoint that asked for invoice.created has acknowledged it.
    wait_for_invoice_created: bool = False
    # A paid Checkout tells of its subscription twice in a second: created as incomplete, then updated to active.
    incomplete_first: bool = False
    # What a subscription is while a delayed payment (a bank debit) is on its way: active or incomplete.
    delayed_status: str = "active"
    # Seconds until a webhook delivery counts as unanswered, and from each failed attempt to the next.
    webhook_timeout: float = 10.0
    webhook_retries: list = field(default_factory=lambda: [300, 3600, 10800])
    # Seconds that a page waits for the webhooks of a payment before it sends the person on.
    page_wait: float = 10.0

    def change(self, wanted):
        known = {entry.name: getattr(Settings(), entry.name) for entry in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ControlError(f"no setting {name!r}; there are {', '.join(known)}")
            if isinstance(known[name], float) and type(value) is int:
                value = float(value)
            if type(value) is not type(known[name]):
                raise ControlError(f"setting {name} is a {type(known[name]).__name__}")
            if name == "final_action" and value not in FINAL_ACTIONS:
                raise ControlError(f"final_action is one of {', '.join(FINAL_ACTIONS)}")
            if name == "delayed_status" and value not in ("active", "incomplete"):
                raise ControlError("delayed_status is active or incomplete")
        for name, value in wanted.items():
            setattr(self, name, value)

    def show(self):
        return asdict(self)
