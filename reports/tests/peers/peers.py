#!/usr/bin/env python3
"""Holds figures of the reports against SciPy, scikit-learn and PyEER. Reads one JSON document from the standard input;
prints a line for each figure and exits with 1 where one differs.

  pip install scipy scikit-learn pyeer numpy
  cargo test -p biopay-reports --test peers -- --nocapture
"""
import json
import sys
from collections import defaultdict

import numpy as np
from pyeer.eer_info import get_eer_stats
from scipy.stats import binomtest, fisher_exact, t
from sklearn.metrics import roc_auc_score, roc_curve

document = json.load(sys.stdin)
failed = False


def check(name, ours, theirs, tolerance=1e-9):
    global failed
    same = abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))
    failed |= not same
    print(f"{name:40} ours {ours:.9g}  peer {theirs:.9g}  {'equal' if same else 'DIFFERENT'}")


def scores():
    mated, non_mated = document["mated"], document["non_mated"]
    check("EER (PyEER)", document["eer"], get_eer_stats(mated, non_mated).eer)
    labels = [1] * len(mated) + [0] * len(non_mated)
    fmr, tmr, _ = roc_curve(labels, mated + non_mated, drop_intermediate=False)
    for name, target in (("fmr100", 1e-2), ("fmr1000", 1e-3)):
        check(f"{name} (scikit-learn)", document[name], 1.0 - tmr[fmr <= target].max())
    check("AUC (scikit-learn)", document["auc"], roc_auc_score(labels, mated + non_mated))


def counts():
    for count, total, lower, upper, wilson_lower, wilson_upper in document["rates"]:
        exact = binomtest(count, total).proportion_ci(method="exact")
        check(f"exact {count}/{total}, lower (SciPy)", lower, exact.low)
        check(f"exact {count}/{total}, upper (SciPy)", upper, exact.high)
        wilson = binomtest(count, total).proportion_ci(method="wilson")
        check(f"Wilson {count}/{total}, lower (SciPy)", wilson_lower, wilson.low)
        check(f"Wilson {count}/{total}, upper (SciPy)", wilson_upper, wilson.high)
    for a, n, b, m, p in document["fisher"]:
        check(f"Fisher {a}/{n}, {b}/{m} (SciPy)", p, fisher_exact([[a, n - a], [b, m - b]]).pvalue, 1e-7)


def two_way():
    """The dyadic variance by multiway decomposition, Aronow, Samii and Assenova 2015, section 3: clustered by each subject
    in turn, less what is counted twice. Written from the paper, as dyadRobust and dcr in R are."""
    pairs = document["pairs"]
    errors = np.array([e for _, _, e, _ in pairs], float)
    trials = np.array([n for _, _, _, n in pairs], float)
    p = errors.sum() / trials.sum()
    residual = errors - p * trials
    subjects = sorted({i for i, *_ in pairs} | {j for _, j, *_ in pairs})
    of_subjects = 0.0
    for subject in subjects:
        shares = np.array([subject in (i, j) for i, j, *_ in pairs])
        # Dyads with the subject are one cluster, every other dyad is its own.
        of_subjects += residual[shares].sum() ** 2 + (residual[~shares] ** 2).sum()
    by_dyad = defaultdict(float)
    for (i, j, *_), r in zip(pairs, residual):
        by_dyad[i, j] += r
    of_dyads = sum(r * r for r in by_dyad.values())
    independent = (residual**2).sum()
    variance = (of_subjects - of_dyads - (len(subjects) - 2) * independent) / trials.sum() ** 2
    widened = (t.ppf(0.975, len(subjects) - 1) / 1.959963984540054) ** 2
    effect = variance * trials.sum() / (p * (1 - p)) * widened
    check("two-way design effect (multiway)", document["design_effect"], effect, 1e-8)


scores()
counts()
two_way()
sys.exit(failed)
