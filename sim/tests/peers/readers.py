"""Reads a run folder with tools that nobody here wrote, and writes embeddings as pandas users have them.

readers.py RUN SCENARIO_SCHEMA SUMMARY_SCHEMA BAD_SCENARIO OUT
"""

import json
import pathlib
import sys
import tomllib

import duckdb
import jsonschema
import junitparser
import numpy
import pandas
import pyarrow.parquet
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

run, scenario_schema, summary_schema, bad, out = map(pathlib.Path, sys.argv[1:])

for table in sorted(run.glob("*.parquet")):
    rows = pyarrow.parquet.read_table(table).num_rows
    frame = pandas.read_parquet(table)
    counted = duckdb.sql(f"select count(*) from '{table}'").fetchall()[0][0]
    assert rows == len(frame) == counted, (table, rows, len(frame), counted)
    print(table.stem, rows)

# Every interval of the log decodes, and operations have as many values as the summary says.
summary = json.loads((run / "summary.json").read_text())
said = {l["operation"]: l["count"] for l in summary["summary"]["latencies"]} if "summary" in summary else {}
reader = HistogramLogReader(str(run / "latency.hdr"), HdrHistogram(1, 3_600_000_000, 3))
tags = spans = 0
while (histogram := reader.get_next_interval_histogram()) is not None:
    tags += 1
    assert histogram.get_total_count() > 0
    name = histogram.get_tag()
    # Interval times are those of the run's clock: microseconds in the tables, milliseconds here.
    assert 0 <= histogram.get_start_time_stamp() <= histogram.get_end_time_stamp(), name
    spans += histogram.get_end_time_stamp() > histogram.get_start_time_stamp()
    if name in said:
        assert said[name] == histogram.get_total_count(), (name, said[name], histogram.get_total_count())
assert tags > 3 and spans > 3, (tags, spans)
print("latency.hdr", tags)

jsonschema.validate(summary, json.loads(summary_schema.read_text()))
schema = json.loads(scenario_schema.read_text())
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(json.loads((run / "manifest.json").read_text())["scenario"], schema)
faults = {".".join(map(str, e.absolute_path)) for e in jsonschema.Draft202012Validator(schema).iter_errors(tomllib.loads(bad.read_text()))}
print("faults", " ".join(sorted(faults)))

suite = junitparser.JUnitXml.fromfile(str(run / "junit.xml"))
print("junit", suite.tests)

# Ten people with three samples each: names and doubles, numbered columns, and lists.
rng = numpy.random.default_rng(1)
centres = rng.normal(size=(10, 16))
vectors = numpy.concatenate([centres + rng.normal(scale=0.1, size=centres.shape) for _ in range(3)])
names = [f"person {i % 10}" for i in range(30)]
wide = pandas.DataFrame(vectors, columns=[str(i) for i in range(16)])
wide.insert(0, "subject", names)
wide.to_parquet(out / "wide.parquet")
lists = pandas.DataFrame({"subject": [i % 10 for i in range(30)], "impression": [i // 10 for i in range(30)], "embedding": list(vectors)})
lists.to_parquet(out / "lists.parquet")
numpy.save(out / "matrix.npy", numpy.asfortranarray(vectors))
numpy.save(out / "matrix.subjects.npy", numpy.array(names))
lists.loc[7, "embedding"][3] = numpy.nan
lists.to_parquet(out / "nan.parquet")
