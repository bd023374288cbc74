# SPDX-License-Identifier: Apache-2.0
# Identifiers that look like Stripe's, the same in every run with the same seed.
import random
import string

ALPHABET = string.digits + string.ascii_letters
ACCOUNT = "acct_1SimulatedAccount"
ACCOUNT_MARK = "SimAcct00"

# kind -> (prefix, letters after it, whether the account's mark is in the middle as in sub_1TGnErQK2ZHS99RkHpVN5MOi)
SHAPES = {
    "customer": ("cus_", 14, False),
    "product": ("prod_", 14, False),
    "subscription_item": ("si_", 14, False),
    "price": ("price_1", 23, True),
    "subscription": ("sub_1", 23, True),
    "invoice": ("in_1", 23, True),
    "invoiceitem": ("ii_1", 23, True),
    "line_item": ("il_1", 23, True),
    "invoice_payment": ("inpay_1", 23, True),
    "payment_intent": ("pi_3", 23, True),
    "setup_intent": ("seti_1", 23, True),
    "payment_method": ("pm_1", 23, True),
    "payment_link": ("plink_1", 23, True),
    "checkout.session": ("cs_test_a1", 58, False),
    "item": ("li_1", 23, True),
    "billing_portal.session": ("bps_1", 23, True),
    "event": ("evt_1", 23, True),
    "webhook_endpoint": ("we_1", 23, True),
    "request": ("req_", 14, False),
    "fault": ("fault_", 8, False),
    "delivery": ("wha_", 14, False),
}


class Ids:
    def __init__(self, seed):
        self._random = random.Random(seed)

    def make(self, kind):
        prefix, length, marked = SHAPES[kind]
        letters = "".join(self._random.choices(ALPHABET, k=length))
        if marked:
            return prefix + letters[:5] + ACCOUNT_MARK + letters[5 + len(ACCOUNT_MARK):]
        return prefix + letters

    def word(self, length):
        return "".join(self._random.choices(ALPHABET, k=length))

    def capitals(self, length):
        return "".join(self._random.choices(string.ascii_uppercase + string.digits, k=length))

    def shuffle(self, items):
        self._random.shuffle(items)
