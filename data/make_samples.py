#!/usr/bin/env python3
"""Makes the small files of data/samples. They are checked in; run this to change them."""

import gzip
import json
import struct
from pathlib import Path

HERE = Path(__file__).parent / "samples"
CITIES = ["Oslo", "Lima", "Kyoto", "Accra"]
WORDS = "the quick brown fox jumps over the lazy dog and the dog barks at the moon".split()


def people():
    """25 rows; every seventh has no age, every ninth no score, the names hold what CSV must quote."""
    rows = []
    for i in range(1, 26):
        rows.append(
            {
                "id": i,
                "name": f'Person "{i}"' if i % 10 == 0 else f"Person, {i}" if i % 8 == 0 else f"Person {i}",
                "age": None if i % 7 == 0 else 20 + i,
                "city": CITIES[i % len(CITIES)],
                "score": None if i % 9 == 0 else i * 1.25,
            }
        )
    return rows


def as_csv(rows):
    def cell(value):
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text

    lines = [",".join(rows[0])] + [",".join(cell(v) for v in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def as_avro(rows):
    """An Avro object container with one uncompressed block."""

    def number(n):
        n = (n << 1) ^ (n >> 63)
        out = bytearray()
        while n > 0x7F:
            out.append((n & 0x7F) | 0x80)
            n >>= 7
        out.append(n)
        return bytes(out)

    def data(value):
        return number(len(value)) + value

    def field(name, type_):
        return {"name": name, "type": type_}

    schema = {
        "type": "record",
        "name": "person",
        "fields": [
            field("id", "long"),
            field("name", "string"),
            field("age", ["null", "long"]),
            field("city", "string"),
            field("score", ["null", "double"]),
        ],
    }
    sync = bytes(range(16))
    block = b""
    for row in rows:
        block += number(row["id"]) + data(row["name"].encode())
        block += number(0) if row["age"] is None else number(1) + number(row["age"])
        block += data(row["city"].encode())
        block += number(0) if row["score"] is None else number(1) + struct.pack("<d", row["score"])
    head = b"Obj\x01" + number(2)
    head += data(b"avro.schema") + data(json.dumps(schema).encode())
    head += data(b"avro.codec") + data(b"null")
    head += number(0) + sync
    return head + number(len(rows)) + number(len(block)) + block + sync


def libsvm():
    """12 sparse rows of at most 4 features: label = 2·x1 − x3, columns counted from 1."""
    lines = []
    for i in range(12):
        x = {1: i % 5, 2: (i * 3) % 4, 3: i % 2, 4: i / 2}
        label = 2 * x[1] - x[3]
        lines.append(" ".join([f"{label}"] + [f"{k}:{float(v)}" for k, v in x.items() if v]))
    return "\n".join(lines) + "\n"


def main():
    HERE.mkdir(exist_ok=True)
    rows = people()
    words = "\n".join(" ".join(WORDS[i % 5 : i % 5 + 6]) for i in range(40)) + "\n"
    (HERE / "people.csv").write_text(as_csv(rows))
    (HERE / "people.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (HERE / "people.avro").write_bytes(as_avro(rows))
    (HERE / "words.txt").write_text(words)
    (HERE / "words.txt.gz").write_bytes(gzip.compress(words.encode(), mtime=0))
    (HERE / "points.libsvm").write_text(libsvm())
    (HERE / "wrong.csv").write_text("id,name\n1,one\ntwo,two\n3,three\n")


if __name__ == "__main__":
    main()
