#!/usr/bin/env python3
"""A derivation scheme of one's own: the template's bits, shuffled by a public salt and the device's token.

biopay starts this program, writes a question to its standard input, one line of JSON, and reads the answer, another line.
Bytes are in base64. Answers depend on the question alone: all randomness is in its seed.
"""
import base64
import hashlib
import json
import random
import sys

THRESHOLD = 0.65 # the least share of equal bits that is accepted


def pack(data):
    return base64.b64encode(bytes(data)).decode()


def shuffled(margins, salt, token):
    """The template's bits in an order that salt and token decide: a new salt makes a new, unlike payload."""
    order = list(range(len(margins)))
    random.Random(hashlib.sha256(salt + token).digest()).shuffle(order)
    bits = "".join("1" if margins[i] > 0 else "0" for i in order)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def answer(ask):
    unpack = lambda key: base64.b64decode(ask.get(key) or "")
    if ask["do"] == "hello":
        return {"version": 1, "comparison": {"threshold": THRESHOLD}, "token": "keys"}
    if ask["do"] == "enrol":
        rows = [reference["margins"] for reference in ask["references"]]
        if len(rows[0]) < 256 or len(rows[0]) % 8:
            return {"failed": "fewer than 256 bits, or no whole bytes"}
        salt = hashlib.sha256(unpack("seed")).digest()[:16]
        mean = [sum(column) for column in zip(*rows)]
        return {"payload": pack(shuffled(mean, salt, unpack("token"))), "helper": pack(salt)}
    if ask["do"] == "derive":
        return {"payload": pack(shuffled(ask["probe"]["margins"], unpack("helper"), unpack("token")))}
    if ask["do"] == "record":
        return {"record": ask["payload"]}
    if ask["do"] == "verify":
        record, payload = unpack("record"), unpack("payload")
        if len(record) != len(payload):
            return {"failed": "payloads of different lengths"}
        differing = int.from_bytes(record, "big") ^ int.from_bytes(payload, "big")
        score = 1 - differing.bit_count() / (8 * len(record))
        return {"accepted": score >= THRESHOLD, "score": score}
    return {"failed": "unknown question " + ask["do"]}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
