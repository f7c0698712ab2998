#!/usr/bin/env python3
"""Holds the Hamming kernel against FAISS's binary flat index, turn by turn in one run, on one core.

  pip install faiss-cpu numpy
  cargo bench -p biopay-biometrics --bench comparison --no-run
  python3 biometrics/benches/against_faiss.py [BITS ...]

FAISS keeps the nearest neighbour of each probe (search) or those within a radius (range_search); the kernel counts
every distance. Both compare 1,024 probes with 65,536 references of random bits. Figures are medians over the turns,
in million comparisons a second.
"""
import json
import re
import statistics
import subprocess
import sys
import time

import faiss
import numpy

ROWS, COLUMNS, TURNS = 1_024, 65_536, 7


def bench_binary():
    command = ["cargo", "bench", "-p", "biopay-biometrics", "--bench", "comparison", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    built = [json.loads(line) for line in lines if '"executable"' in line]
    return next(b["executable"] for b in built if b.get("executable") and b["target"]["name"] == "comparison")


def best_kernel(binary):
    """Returns the widest kernel that this machine runs: they are listed from the plainest on."""
    lines = subprocess.run([binary, "--bench", "--list"], check=True, capture_output=True, text=True).stdout
    kernels = re.findall(r"^comparison/hamming/(\S+)/\d+:", lines, re.MULTILINE)
    return [kernel for kernel in kernels if not kernel.endswith("-tail")][-1]


def ours(binary, kernel, bits):
    """Runs a kernel for a moment and returns criterion's median."""
    command = [binary, "--bench", "--warm-up-time", "0.3", "--measurement-time", "1", f"{kernel}/{bits}$"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    value, unit = re.search(r"thrpt:\s+\[\S+ \S+ (\S+) (\S)elem/s", text).groups()
    return float(value) * {"M": 1, "G": 1_000}[unit]


def faiss_rate(call):
    start = time.perf_counter()
    call()
    return ROWS * COLUMNS / (time.perf_counter() - start) / 1e6


def compare(binary, kernel, bits):
    rng = numpy.random.default_rng(1)
    references = rng.integers(0, 256, (COLUMNS, bits // 8), dtype=numpy.uint8)
    probes = rng.integers(0, 256, (ROWS, bits // 8), dtype=numpy.uint8)
    index = faiss.IndexBinaryFlat(bits)
    index.add(references)
    rates = {"ours, histogram": [], "faiss, nearest": [], "faiss, range": []}
    for _ in range(TURNS):
        rates["ours, histogram"].append(ours(binary, kernel, bits))
        rates["faiss, nearest"].append(max(faiss_rate(lambda: index.search(probes, 1)) for _ in range(3)))
        radius = bits // 2 - bits // 8
        rates["faiss, range"].append(max(faiss_rate(lambda: index.range_search(probes, radius)) for _ in range(3)))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, rate in medians.items():
        print(f"{bits:5} bits  {name:16} {rate:7.0f}  x{medians['ours, histogram'] / rate:.2f}")


if __name__ == "__main__":
    faiss.omp_set_num_threads(1)
    executable = bench_binary()
    widest = best_kernel(executable)
    print(f"kernel {widest}, FAISS {faiss.__version__}")
    for width in [int(a) for a in sys.argv[1:]] or [256, 512, 1_024]:
        compare(executable, widest, width)
