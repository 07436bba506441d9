"""Arrow's own driver for databases (ADBC) on a cluster: the rows that the package gives."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from urllib.request import urlopen

import pyarrow as pa
import pytest

if os.environ.get("CI"):
    from adbc_driver_flightsql import dbapi
else:
    dbapi = pytest.importorskip("adbc_driver_flightsql.dbapi")

Q1 = Path(__file__).parents[3] / "benches/queries/tpch/q1.sql"

pytestmark = pytest.mark.filterwarnings("ignore:Cannot disable autocommit")


@pytest.fixture(scope="module")
def uri(cluster) -> str:
    return cluster.sparkContext.uiWebUrl.replace("http://", "grpc://")


@pytest.fixture
def connection(uri) -> Iterator["dbapi.Connection"]:
    with dbapi.connect(uri, autocommit=True) as connection:
        yield connection


def fetch(connection, sql, parameters=None) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table()


def test_tpch_q1(cluster, connection, tmp_path):
    subprocess.run(
        [os.environ["SPRINGALD_BIN"], "datagen", "tpch", "--scale", "0.01", "--out", tmp_path],
        check=True,
        capture_output=True,
    )
    cluster.sql(f"CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION '{tmp_path}/lineitem/'")
    try:
        ours = cluster.sql(Q1.read_text()).toArrow()
        theirs = fetch(connection, Q1.read_text())
        assert theirs.num_rows == 4
        assert theirs.schema.names == ours.schema.names
        assert theirs.to_pylist() == ours.to_pylist()
    finally:
        cluster.sql("DROP TABLE lineitem")


def test_types_come_as_they_are(connection):
    row = fetch(
        connection,
        "SELECT 1 AS i, CAST(1.5 AS DECIMAL(10, 2)) AS d, 'ä' AS s, TRUE AS b, DATE '2024-02-29' AS day, "
        "TIMESTAMP '2024-01-01T00:00:00.5' AS at, NULL AS n, [1, 2] AS l, "
        "arrow_cast('x', 'Dictionary(Int32, Utf8)') AS k",
    )
    assert row.num_rows == 1
    assert row.schema.field("d").type == pa.decimal128(10, 2)
    assert row.column("l").to_pylist() == [[1, 2]]
    assert row.column("k").to_pylist() == ["x"]


def test_no_rows_have_their_columns(connection):
    none = fetch(connection, "SELECT 1 AS a, 'x' AS b WHERE false")
    assert (none.num_rows, none.schema.names) == (0, ["a", "b"])


def test_parameters(connection):
    sql = "SELECT column1 AS n FROM (VALUES (1), (2), (3)) WHERE column1 > ? ORDER BY n"
    assert fetch(connection, sql, (1,)).column("n").to_pylist() == [2, 3]
    assert fetch(connection, sql.replace("?", "$1"), (2,)).column("n").to_pylist() == [3]


def test_tables_are_found_and_outlive_the_connection(uri):
    with dbapi.connect(uri, autocommit=True) as maker, maker.cursor() as cursor:
        cursor.execute("CREATE TABLE made_by_adbc AS SELECT 1 AS a, 'x' AS b")
        cursor.execute("INSERT INTO made_by_adbc VALUES (2, 'y')")
    with dbapi.connect(uri, autocommit=True) as other:
        objects = other.adbc_get_objects(table_name_filter="made%").read_all().to_pylist()
        tables = [
            (table["table_name"], table["table_type"], [column["column_name"] for column in table["table_columns"]])
            for catalog in objects
            for schema in catalog["catalog_db_schemas"]
            for table in schema["db_schema_tables"]
        ]
        assert tables == [("made_by_adbc", "TABLE", ["a", "b"])]
        assert other.adbc_get_table_schema("made_by_adbc").names == ["a", "b"]
        assert sorted(other.adbc_get_table_types()) == ["LOCAL TEMPORARY", "TABLE", "VIEW"]
        assert other.adbc_get_info()["vendor_name"] == "Springald"
        assert fetch(other, "SELECT count(*) AS n FROM made_by_adbc").column("n").to_pylist() == [2]
        with other.cursor() as cursor:
            cursor.execute("DROP TABLE made_by_adbc")


def test_errors_say_what_to_do(connection):
    with pytest.raises(dbapi.Error, match="there is no table `nothing_here`"):
        fetch(connection, "SELECT * FROM nothing_here")
    with pytest.raises(dbapi.Error, match="Cannot cast string"):
        fetch(connection, "SELECT CAST(column1 AS INT) FROM (VALUES ('x'), ('1'))")


def test_a_cancelled_query_ends(cluster, connection):
    numbers = ", ".join(f"unnest(range(0, 30000)) AS {name}(n)" for name in "abc")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT sum(a.n * b.n * c.n) FROM {numbers}")
        Timer(2.0, cursor.adbc_cancel).start()
        with pytest.raises(dbapi.Error):
            cursor.fetchall()
    for _ in range(100):
        if newest_job(cluster)["state"] == "cancelled":
            return
        time.sleep(0.05)
    pytest.fail(f"the job goes on: {newest_job(cluster)}")


def newest_job(cluster):
    with urlopen(f"{cluster.sparkContext.uiWebUrl}/api/v1/jobs", timeout=5) as answer:
        return json.load(answer)[0]
