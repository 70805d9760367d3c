"""Runs SQL with DuckDB and prints the rows of its last statement as JSON, one list to a line.

The SQL is read from standard input. The extension comes from a package: DuckDB would fetch it from
the network.
"""

import glob
import json
import sys

import duckdb
import duckdb_ext

folder = list(duckdb_ext.__path__)[0]
(extension,) = glob.glob(f"{folder}/extensions/*/*/sqlite_scanner.duckdb_extension")
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
# Values are compared by people and tests in one zone.
connection.execute("SET TimeZone = 'UTC'")
for row in connection.execute(sys.stdin.read()).fetchall():
    print(json.dumps([value.isoformat() if hasattr(value, "isoformat") else value for value in row]))
