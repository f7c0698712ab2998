"""Reads every table of a run folder with the pyarrow of this interpreter, with the meaning and the unit of its columns.

old_arrow.py RUN
"""

import pathlib
import sys

import pyarrow.parquet

for table in sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")):
    read = pyarrow.parquet.read_table(table)
    for field in read.schema:
        assert field.metadata[b"meaning"], (table, field)
        if field.name.endswith("_us"):
            assert field.metadata[b"unit"] == b"microseconds", (table, field)
    print(pyarrow.__version__, table.stem, read.num_rows)
