"""Times `biopay report` on a run of many transactions, and says how large the report is and how much memory it took.

    biopay run quickstart --out runs/base
    python3 sim/benches/report.py runs/base [transactions, 10 million] [biopay, target/release/biopay]

The run is the given one with other tables: TRANSACTIONS rows of 10,000 handsets over an hour, a connection for every ten
of them, and a million comparisons. Needs polars (pip install polars).
"""

import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import polars as pl

HANDSETS = 10_000
COMPARISONS = 1_000_000
US = 1_000_000
HOUR_US = 3_600 * US


def drawn(frame, seed, below):
    """A column of numbers below a limit that look drawn, and are the same every time."""
    return pl.int_range(0, frame, eager=True).hash(seed=seed) % below


def transactions(rows):
    start = (drawn(rows, 1, HOUR_US)).cast(pl.UInt64)
    took = (50_000 + drawn(rows, 2, 3 * US)).cast(pl.UInt64)
    luck = drawn(rows, 3, 1000)
    account = (drawn(rows, 4, HANDSETS)).cast(pl.UInt32)
    frame = pl.DataFrame({"handset": account, "account_subject": account, "start_us": start, "took": took, "luck": luck})
    is_charged = pl.col("luck") < 930
    outcome = (
        pl.when(is_charged).then(pl.lit("charged"))
        .when(pl.col("luck") < 960).then(pl.lit("payment-page-left"))
        .when(pl.col("luck") < 990).then(pl.lit("insufficient-funds"))
        .otherwise(pl.lit("connection-lost"))
    )
    journey = (
        pl.when(pl.col("luck") % 3 == 0).then(pl.lit("stored"))
        .when(pl.col("luck") % 3 == 1).then(pl.lit("recapture"))
        .otherwise(pl.lit("second-device"))
    )
    number = pl.int_range(0, pl.len(), dtype=pl.UInt64).cast(pl.String).str.zfill(12)
    return frame.select(
        "handset",
        "account_subject",
        pl.col("handset").alias("presenter_subject"),
        pl.lit("payment").alias("kind"),
        journey.alias("journey"),
        pl.when(pl.col("account_subject") % 2 == 0).then(pl.lit("template")).otherwise(pl.lit("fuzzy-commitment")).alias("scheme"),
        pl.col("start_us").alias("intended_start_us"),
        "start_us",
        (pl.col("start_us") + pl.col("took")).alias("end_us"),
        (1 + pl.col("luck") % 7 // 6).cast(pl.UInt32).alias("tries"),
        pl.lit(0, pl.UInt32).alias("failures_to_acquire"),
        pl.lit(0, pl.UInt32).alias("failures_to_derive"),
        ((pl.col("luck") < 930) | (pl.col("luck") >= 960)).alias("qr_accepted"),
        outcome.alias("outcome"),
        (pl.col("start_us") + pl.col("took") // 3).alias("login_end_us"),
        pl.lit(100, pl.Int64).alias("amount_minor"),
        pl.when(is_charged).then(number).otherwise(pl.lit(None, pl.String)).alias("bank_reference"),
    )


def network(rows):
    handset = drawn(rows, 5, HANDSETS).cast(pl.UInt32)
    frame = pl.DataFrame({"handset": handset, "round_trip_us": (20_000 + drawn(rows, 6, 40_000)).cast(pl.UInt64)})
    counts = {"datagrams_sent": 14, "datagrams_received": 12, "bytes_sent": 4000, "bytes_received": 2500, "packets_lost": 0}
    return frame.select(
        "handset",
        pl.lit("4g").alias("profile"),
        (pl.col("round_trip_us") * 2).alias("handshake_us"),
        "round_trip_us",
        *[pl.lit(count, pl.UInt64).alias(name) for name, count in counts.items()],
    )


def comparisons(rows):
    subjects = int(rows**0.5)
    pair = pl.DataFrame({"i": pl.int_range(0, rows, eager=True)})
    reference, probe = pl.col("i") // subjects, pl.col("i") % subjects
    score = pl.col("i").hash(seed=7) % 500 / 1000 + pl.when(reference == probe).then(0.5).otherwise(0.1)
    return pair.select(
        pl.lit("template").alias("scheme"),
        reference.cast(pl.UInt32).alias("reference_subject"),
        probe.cast(pl.UInt32).alias("probe_subject"),
        pl.lit("handset").alias("reference_device"),
        pl.lit("handset").alias("probe_device"),
        score.cast(pl.Float32).alias("score"),
        (score > 0.58).alias("accepted"),
        pl.lit(None, pl.String).alias("failure"),
    )


def make(base, rows, run):
    shutil.copytree(base, run)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["duration_us"] = HOUR_US
    (run / "manifest.json").write_text(json.dumps(manifest))
    transactions(rows).write_parquet(run / "transactions.parquet", row_group_size=512 * 512)
    network(rows // 10).write_parquet(run / "network.parquet", row_group_size=512 * 512)
    comparisons(COMPARISONS).write_parquet(run / "comparisons.parquet", row_group_size=512 * 512)


def main():
    base = pathlib.Path(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    biopay = sys.argv[3] if len(sys.argv) > 3 else "target/release/biopay"
    with tempfile.TemporaryDirectory() as scratch:
        run = pathlib.Path(scratch) / "run"
        # In a process of its own: a child's peak of memory begins with what its parent has.
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(base, rows, run))
        maker.start()
        maker.join()
        assert maker.exitcode == 0
        for _ in range(3):
            began = time.perf_counter()
            child = subprocess.Popen([biopay, "report", run, "--out", run / "report.html"], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            wall = time.perf_counter() - began
            assert status == 0
            size = os.path.getsize(run / "report.html")
            print(
                f"{rows:,} transactions, {rows // 10:,} connections, {COMPARISONS:,} comparisons: {wall:.2f} s wall, "
                f"{used.ru_utime + used.ru_stime:.2f} s processor, {used.ru_maxrss / 1024:.0f} MiB at most, "
                f"report {size / 1024:.0f} KiB"
            )


if __name__ == "__main__":
    main()
