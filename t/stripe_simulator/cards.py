# SPDX-License-Identifier: Apache-2.0
# Test cards and test bank accounts: Stripe's published numbers and what happens to each.
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    code: str
    message: str
    decline_code: str = None


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
INSUFFICIENT = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
EXPIRED = Decline("expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline("processing_error", "An error occurred while processing your card. Try again in a little bit.")
WRONG_NUMBER = Decline("incorrect_number", "Your card number is incorrect.")
BANK_FAILED = Decline("payment_method_provider_decline", "The bank returned the debit.")


@dataclass(frozen=True)
class Instrument:
    """`at_once` refuses the first use already (the card cannot even be saved); `later` refuses every charge."""
    number: str
    brand: str
    at_once: Decline = None
    later: Decline = None
    delayed: bool = False


INSTRUMENTS = {instrument.number: instrument for instrument in (
    Instrument("4242424242424242", "visa"),
    Instrument("5555555555554444", "mastercard"),
    Instrument("378282246310005", "amex"),
    Instrument("4000000000000341", "visa", later=GENERIC),
    Instrument("4000000000000002", "visa", at_once=GENERIC),
    Instrument("4000000000009995", "visa", at_once=INSUFFICIENT),
    Instrument("4000000000000069", "visa", at_once=EXPIRED),
    Instrument("4000000000000127", "visa", at_once=WRONG_CVC),
    Instrument("4000000000000119", "visa", at_once=PROCESSING),
    Instrument("000123456789", "bank", delayed=True),
    Instrument("000111111116", "bank", delayed=True, later=BANK_FAILED),
)}

# The payment method names that Stripe offers to tests.
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_usBankAccount_success": "000123456789",
}
GOOD_CARD = "4242424242424242"
FAILING_CARD = "4000000000000341"
GOOD_BANK = "000123456789"
FAILING_BANK = "000111111116"


def instrument_of(number):
    """The instrument with that number as a person types it, or the Decline that the page shows."""
    digits = "".join(number.split()).replace("-", "")
    return INSTRUMENTS.get(digits, WRONG_NUMBER)
