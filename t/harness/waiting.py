# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition instead of guessing how long something takes."""
import time

POLL_SECONDS = 0.01


class WaitedTooLong(AssertionError):
    pass


def wait_for(condition, timeout=30, what="a condition"):
    """Returns the first true value of `condition()`. Raises WaitedTooLong after `timeout` seconds; `what` (text, or a
    function that gives the text once it is needed) says for what."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise WaitedTooLong(f"waited {timeout} s for {what() if callable(what) else what}")
        time.sleep(POLL_SECONDS)
