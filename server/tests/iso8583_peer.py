"""Decodes and encodes our ISO 8583 dialect with pyiso8583, an implementation that shares nothing with ours.

Reads hexadecimal messages, one a line; writes for each a line of JSON: the data elements as it reads them, and the
message as it writes them.
"""

import copy
import json
import sys

import iso8583
from iso8583.specs import default_ascii

SPEC = copy.deepcopy(default_ascii)
SPEC["p"].update(data_enc="b", max_len=8)
SPEC["1"].update(data_enc="b", max_len=8)
SPEC["110"].update(data_enc="b", len_type=3, max_len=16)

for line in sys.stdin:
    decoded, _ = iso8583.decode(bytes.fromhex(line.strip()), spec=SPEC)
    encoded, _ = iso8583.encode(dict(decoded), spec=SPEC)
    fields = {name: value for name, value in decoded.items() if name.isdigit() and name != "1"}
    print(json.dumps({"type": decoded["t"], "fields": fields, "again": bytes(encoded).hex()}), flush=True)
