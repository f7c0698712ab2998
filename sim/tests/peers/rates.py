#!/usr/bin/env python3
"""Holds the rates of `biopay evaluate --scores S --json J` against PyEER and scikit-learn on the same scores.

  pip install pyeer scikit-learn numpy
  python3 sim/tests/peers/rates.py SCORES.csv RATES.json

EER: the same interval rule in PyEER (`get_eer_stats`), to 1e-9. FMR100 and FMR1000: the lowest FNMR with FMR at most
the target, from scikit-learn's ROC; PyEER takes the *nearest* point, so its figure is printed and not compared.
Exits with 1 where a figure differs.
"""
import csv
import json
import sys

from pyeer.eer_info import get_eer_stats
from sklearn.metrics import roc_curve


def read_scores(path):
    mated, non_mated = [], []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if not row["score"]:  # a sample was not acquired: no comparison took place
                continue
            is_mated = row["a"].rsplit("_", 1)[0] == row["b"].rsplit("_", 1)[0]
            (mated if is_mated else non_mated).append(float(row["score"]))
    return mated, non_mated


def main():
    mated, non_mated = read_scores(sys.argv[1])
    rates = json.load(open(sys.argv[2]))
    stats = get_eer_stats(mated, non_mated)
    labels = [1] * len(mated) + [0] * len(non_mated)
    fmr, tmr, _ = roc_curve(labels, mated + non_mated, drop_intermediate=False)
    points = {p["name"]: p for p in rates["points"]}
    value = lambda rate: rate["count"] / rate["total"]
    checks = [("EER", rates["eer"], stats.eer)]
    for name, target in (("FMR100", 1e-2), ("FMR1000", 1e-3)):
        if name not in points:  # too few comparisons to show a threshold with such an FMR
            continue
        checks.append((name, value(points[name]["fnmr"]), 1.0 - tmr[fmr <= target].max()))
    failed = False
    for name, ours, theirs in checks:
        failed |= abs(ours - theirs) > 1e-9
        print(f"{name:8} ours {ours:.9f}  peer {theirs:.9f}  {'equal' if abs(ours - theirs) <= 1e-9 else 'DIFFERENT'}")
    print(f"PyEER's nearest points: FMR100 {stats.fmr100:.9f}, FMR1000 {stats.fmr1000:.9f}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
