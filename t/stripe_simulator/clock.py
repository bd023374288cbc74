# SPDX-License-Identifier: Apache-2.0
# The simulator's clock: flows with real time until a test turns, sets or stops it. Never runs backwards.
import calendar
import time
from datetime import datetime, timedelta, timezone

from .errors import ControlError

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Clock:
    """All of Stripe's own times follow this clock: `created`, periods, expiries, the age of idempotency keys and the
    Date header. Only the `t=` of a webhook signature is real time, since its reader compares it with a real clock."""

    def __init__(self, start=None, frozen=False):
        self._offset = 0.0
        self._stopped_at = None
        if start is not None:
            self._offset = start - time.time()
        if frozen:
            self.freeze()

    @property
    def frozen(self):
        return self._stopped_at is not None

    def exact(self):
        return self._stopped_at if self.frozen else time.time() + self._offset

    def now(self):
        return int(self.exact())

    def freeze(self):
        if not self.frozen:
            self._stopped_at = self.exact()

    def thaw(self):
        if self.frozen:
            self._offset = self._stopped_at - time.time()
            self._stopped_at = None

    def set(self, moment):
        """Moves forward to `moment`; an earlier one changes nothing."""
        if moment <= self.exact():
            return
        if self.frozen:
            self._stopped_at = moment
        else:
            self._offset = moment - time.time()


def parse_duration(value):
    """Seconds of 90, "90", "90s", "5m", "23h", "32d" or "2w"."""
    text = str(value).strip()
    unit = UNIT_SECONDS.get(text[-1:].lower())
    number = text[:-1] if unit else text
    try:
        seconds = float(number) * (unit or 1)
    except ValueError:
        raise ControlError(f"not a duration: {value!r}; write seconds, or 5m, 23h, 32d, 2w") from None
    if not 0 <= seconds <= 50 * 366 * 86400:
        raise ControlError(f"a duration lies between 0 and 50 years: {value!r}")
    return seconds


def add_interval(moment, interval, count, anchor):
    """The next boundary after `moment`. Months keep the anchor's day where the month has it, as Stripe does: a
    subscription of 31 January renews on 28 February and then on 31 March."""
    if interval in ("day", "week"):
        return moment + count * UNIT_SECONDS[interval[0]]
    anchored = datetime.fromtimestamp(anchor, timezone.utc)
    start = datetime.fromtimestamp(moment, timezone.utc)
    months = start.year * 12 + start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(anchored.day, calendar.monthrange(year, month + 1)[1])
    midnight = datetime(year, month + 1, day, tzinfo=timezone.utc)
    time_of_day = timedelta(hours=anchored.hour, minutes=anchored.minute, seconds=anchored.second)
    return int((midnight + time_of_day).timestamp())
