#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes signature.json: Stripe-Signature headers made with Python's own hmac, and the verdict each must get."""
import hashlib
import hmac
import json
import os

NOW = 1795443458
SECRET, OTHER = "whsec_unit_first", "whsec_unit_second"
BODY = b'{\n  "id": "evt_unit",\n  "object": "event"\n}'
vectors = []


def mac(time=NOW, body=BODY, secret=SECRET):
    return hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()


def vector(name, verdict, header, body=BODY, secrets=(SECRET,), now=NOW):
    vectors.append({"name": name, "verdict": verdict, "header": header, "body": body.hex(), "secrets": list(secrets),
                    "now": now})


good, bad = mac(), mac(secret="whsec_stranger")
vector("valid", "OK", f"t={NOW},v1={good}")
vector("signature before time", "OK", f"v1={good},t={NOW}")
vector("v0 before", "OK", f"t={NOW},v0={bad},v1={good}")
vector("v0 after", "OK", f"t={NOW},v1={good},v0={bad}")
vector("unknown element", "OK", f"t={NOW},foo=bar,v1={good}")
vector("element without a value", "OK", f"t={NOW},potato,v1={good}")
vector("trailing comma", "OK", f"t={NOW},v1={good},")
vector("empty v1 is skipped", "OK", f"t={NOW},v1=,v1={good}")
vector("bad v1 first", "OK", f"t={NOW},v1={bad},v1={good}")
vector("bad v1 last", "OK", f"t={NOW},v1={good},v1={bad}")
vector("v1 that is no hex first", "OK", f"t={NOW},v1=potato,v1={good}")
vector("upper-case hex", "OK", f"t={NOW},v1={good.upper()}")
vector("leading zeros, over the number", "OK", f"t=000{NOW},v1={good}")
vector("plus sign, over the number", "OK", f"t=+{NOW},v1={good}")
vector("second secret", "OK", f"t={NOW},v1={mac(secret=OTHER)}", secrets=(SECRET, OTHER))
vector("rolled, old secret", "OK", f"t={NOW},v1={good},v1={mac(secret=OTHER)}", secrets=(OTHER,))
vector("empty body", "OK", f"t={NOW},v1={mac(body=b'')}", body=b"")
vector("body that is not UTF-8", "OK", f"t={NOW},v1={mac(body=bytes(range(256)))}", body=bytes(range(256)))
vector("oldest allowed", "OK", f"t={NOW - 300},v1={mac(NOW - 300)}")
vector("newest allowed", "OK", f"t={NOW + 300},v1={mac(NOW + 300)}")
vector("sixteenth candidate", "OK", f"t={NOW}," + f"v1={bad}," * 15 + f"v1={good}")

vector("no header", "MISSING", None)
vector("empty header", "MISSING", "")
vector("longest header", "OK", f"t={NOW},v1={good},x=".ljust(4096, "x"))
vector("header too long", "TOO_LONG", f"t={NOW},v1={good},x=".ljust(4097, "x"))
vector("no elements", "MALFORMED", "bad_header")
vector("only commas", "MALFORMED", ",,,")
vector("no time", "MALFORMED", f"v1={good}")
vector("empty time", "MALFORMED", f"t=,v1={good}")
vector("plus sign alone", "MALFORMED", f"t=+,v1={good}")
vector("time without a value", "MALFORMED", f"t,v1={good}")
vector("time with a tail", "MALFORMED", f"t={NOW}x,v1={good}")
vector("time with a tail, over the text", "MALFORMED", f"t={NOW}x,v1={mac(f'{NOW}x')}")
vector("float", "MALFORMED", f"t={NOW}.0,v1={mac(f'{NOW}.0')}")
vector("negative", "MALFORMED", f"t=-5,v1={mac(-5)}")
vector("minus zero", "MALFORMED", f"t=-0,v1={mac(0)}")
vector("two signs", "MALFORMED", f"t=++{NOW},v1={good}")
vector("space in time", "MALFORMED", f"t= {NOW},v1={good}")
vector("beyond 64 bits", "MALFORMED", f"t={2 ** 63},v1={mac(2 ** 63)}")
vector("twenty digits", "MALFORMED", f"t=99999999999999999999,v1={mac('99999999999999999999')}")
vector("two times", "MALFORMED", f"t={NOW},t={NOW},v1={good}")
vector("two times, first one bad", "MALFORMED", f"t=1,t={NOW},v1={good}")
vector("space before time", "MALFORMED", f" t={NOW},v1={good}")
vector("upper-case time", "MALFORMED", f"T={NOW},v1={good}")
vector("time alone", "NO_SCHEME", f"t={NOW}")
vector("only v0", "NO_SCHEME", f"t={NOW},v0={good}")
vector("only v2", "NO_SCHEME", f"t={NOW},v2={good}")
vector("upper-case scheme", "NO_SCHEME", f"t={NOW},V1={good}")
vector("space after comma", "MALFORMED", f"t={NOW}, v1={good}")
vector("empty v1 alone", "NO_SCHEME", f"t={NOW},v1=")
vector("v10", "NO_SCHEME", f"t={NOW},v10={good}")

vector("wrong secret", "MISMATCH", f"t={NOW},v1={bad}")
vector("no secret configured", "MISMATCH", f"t={NOW},v1={good}", secrets=())
vector("empty secret never signs", "MISMATCH", f"t={NOW},v1={mac(secret='')}", secrets=("",))
vector("blank secret never signs", "MISMATCH", f"t={NOW},v1={mac(secret=' ' * 2)}", secrets=("  ",))
vector("secret without its prefix", "MISMATCH", f"t={NOW},v1={mac(secret='unit_first')}")
vector("secret with a newline", "MISMATCH", f"t={NOW},v1={good}", secrets=(SECRET + "\n",))
vector("changed body", "MISMATCH", f"t={NOW},v1={good}", body=BODY.replace(b"unit", b"evil"))
vector("line ends changed", "MISMATCH", f"t={NOW},v1={good}", body=BODY.replace(b"\n", b"\r\n"))
vector("byte order mark", "MISMATCH", f"t={NOW},v1={good}", body=b"\xef\xbb\xbf" + BODY)
vector("over the body alone", "MISMATCH", f"t={NOW},v1={hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()}")
vector("another time", "MISMATCH", f"t={NOW - 1},v1={good}")
vector("leading zeros, over the text", "MISMATCH", f"t=0{NOW},v1={mac(f'0{NOW}')}")
vector("a digit short", "MISMATCH", f"t={NOW},v1={good[:-1]}")
vector("a byte long", "MISMATCH", f"t={NOW},v1={good}00")
vector("equals sign after", "MISMATCH", f"t={NOW},v1={good}=")
vector("last digit differs", "MISMATCH", f"t={NOW},v1={good[:-1]}{'0' if good[-1] != '0' else '1'}")
vector("first digit differs", "MISMATCH", f"t={NOW},v1={'0' if good[0] != '0' else '1'}{good[1:]}")
vector("seventeenth candidate", "MISMATCH", f"t={NOW}," + f"v1={bad}," * 16 + f"v1={good}")
vector("wrong and old", "MISMATCH", f"t={NOW - 301},v1={bad}")

vector("a second too old", "TOO_OLD", f"t={NOW - 301},v1={mac(NOW - 301)}")
vector("time zero", "TOO_OLD", f"t=0,v1={mac(0)}")
vector("a second too new", "IN_FUTURE", f"t={NOW + 301},v1={mac(NOW + 301)}")
vector("an hour ahead", "IN_FUTURE", f"t={NOW + 3600},v1={mac(NOW + 3600)}")
vector("end of time", "IN_FUTURE", f"t={2 ** 63 - 1},v1={mac(2 ** 63 - 1)}")
vector("end of time, clock before the epoch", "IN_FUTURE", f"t={2 ** 63 - 1},v1={mac(2 ** 63 - 1)}", now=-5)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "signature.json"), "w", encoding="ascii") as out:
    json.dump(vectors, out, indent=1)
    out.write("\n")
