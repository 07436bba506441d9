"""Data types by PySpark's names, their Arrow and DDL forms, and `Row`.

>>> StructType().add("name", StringType()).add("age", "int").simpleString()
'struct<name:string,age:int>'
"""

from __future__ import annotations

import json as _json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, overload

import pyarrow as pa

from springald.errors import PySparkTypeError, PySparkValueError
from springald.sql._row import Row

__all__ = [
    "ArrayType",
    "AtomicType",
    "BinaryType",
    "BooleanType",
    "ByteType",
    "CalendarIntervalType",
    "CharType",
    "DataType",
    "DateType",
    "DayTimeIntervalType",
    "DecimalType",
    "DoubleType",
    "FloatType",
    "FractionalType",
    "IntegerType",
    "IntegralType",
    "LongType",
    "MapType",
    "NullType",
    "NumericType",
    "Row",
    "ShortType",
    "StringType",
    "StructField",
    "StructType",
    "TimeType",
    "TimestampNTZType",
    "TimestampType",
    "VarcharType",
    "VectorUDT",
    "YearMonthIntervalType",
    "create_table",
    "from_arrow",
    "infer_schema",
    "parse_ddl",
    "parse_type",
    "rows",
    "to_arrow",
]


class DataType:
    """The type of a column. Equal types are equal as values.

    >>> LongType() == LongType(), LongType() == StringType()
    (True, False)
    """

    _name: ClassVar[str] = ""
    _simple: ClassVar[str] = ""

    @classmethod
    def typeName(cls) -> str:
        """The name of the type.

        >>> LongType.typeName()
        'long'
        """
        return cls._name or cls.__name__.removesuffix("Type").lower()

    def simpleString(self) -> str:
        """The type as SQL has it.

        >>> ArrayType(LongType()).simpleString()
        'array<bigint>'
        """
        return self._simple or self.typeName()

    def jsonValue(self) -> str | dict[str, Any]:
        """The type as plain Python values that go into JSON.

        >>> DecimalType(5, 2).jsonValue()
        'decimal(5,2)'
        """
        return self.typeName()

    def json(self) -> str:
        """The type as JSON.

        >>> LongType().json()
        '"long"'
        """
        return _json.dumps(self.jsonValue(), separators=(",", ":"), sort_keys=True)

    @classmethod
    def fromDDL(cls, ddl: str) -> DataType:
        """The type that a DDL text means; `a int, b string` is a struct.

        >>> DataType.fromDDL("array<int>")
        ArrayType(IntegerType(), True)
        """
        return parse_type(ddl)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(repr(self))


class NullType(DataType):
    """The type of `None`."""

    _name = "void"


class AtomicType(DataType):
    """A type without parts."""


class NumericType(AtomicType):
    """Numbers."""


class IntegralType(NumericType):
    """Whole numbers."""


class FractionalType(NumericType):
    """Numbers with a fraction."""


class StringType(AtomicType):
    """Text."""


class CharType(AtomicType):
    """Text of a fixed length; held as text."""

    def __init__(self, length: int) -> None:
        self.length = length

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"char({self.length})"

    jsonValue = simpleString

    def __repr__(self) -> str:
        return f"CharType({self.length})"


class VarcharType(AtomicType):
    """Text up to a length; held as text."""

    def __init__(self, length: int) -> None:
        self.length = length

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"varchar({self.length})"

    jsonValue = simpleString

    def __repr__(self) -> str:
        return f"VarcharType({self.length})"


class BinaryType(AtomicType):
    """Bytes."""


class BooleanType(AtomicType):
    """True or false."""


class DateType(AtomicType):
    """A day."""


class TimestampType(AtomicType):
    """A moment, shown in the session's time zone."""


class TimestampNTZType(AtomicType):
    """Date and time of day in no time zone."""

    _name = "timestamp_ntz"


class TimeType(AtomicType):
    """The time of day, to the microsecond."""

    def __init__(self, precision: int = 6) -> None:
        self.precision = precision

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"time({self.precision})"

    jsonValue = simpleString

    def __repr__(self) -> str:
        return f"TimeType({self.precision})"


class ByteType(IntegralType):
    """Whole numbers of 8 bits."""

    _simple = "tinyint"


class ShortType(IntegralType):
    """Whole numbers of 16 bits."""

    _simple = "smallint"


class IntegerType(IntegralType):
    """Whole numbers of 32 bits."""

    _simple = "int"


class LongType(IntegralType):
    """Whole numbers of 64 bits."""

    _simple = "bigint"


class FloatType(FractionalType):
    """Floating point numbers of 32 bits."""


class DoubleType(FractionalType):
    """Floating point numbers of 64 bits."""


class DecimalType(FractionalType):
    """Decimal numbers of `precision` digits, `scale` of them after the point.

    >>> DecimalType(10, 2).simpleString()
    'decimal(10,2)'
    """

    def __init__(self, precision: int = 10, scale: int = 0) -> None:
        if not 1 <= precision <= 38 or not -38 <= scale <= precision:
            raise PySparkValueError(
                f"a decimal({precision},{scale}) cannot be",
                "the precision is 1 to 38, and the scale no greater than the precision",
            )
        self.precision = precision
        self.scale = scale
        self.hasPrecisionInfo = True

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"decimal({self.precision},{self.scale})"

    jsonValue = simpleString

    def __repr__(self) -> str:
        return f"DecimalType({self.precision},{self.scale})"


class _UnitsIntervalType(AtomicType):
    """A length of time from one unit to another, all of them by default."""

    _units: ClassVar[tuple[str, ...]]

    def __init__(self, startField: int | None = None, endField: int | None = None) -> None:
        if startField is None:
            startField, endField = 0, len(self._units) - 1
        self.startField = startField
        self.endField = startField if endField is None else endField

    def simpleString(self) -> str:
        """The type as SQL has it."""
        first, last = self._units[self.startField], self._units[self.endField]
        return f"interval {first}" if first == last else f"interval {first} to {last}"

    jsonValue = simpleString

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.startField}, {self.endField})"


class DayTimeIntervalType(_UnitsIntervalType):
    """A length of time in days, hours, minutes and seconds.

    >>> DayTimeIntervalType(DayTimeIntervalType.DAY, DayTimeIntervalType.HOUR).simpleString()
    'interval day to hour'
    """

    DAY, HOUR, MINUTE, SECOND = range(4)
    _units: ClassVar[tuple[str, ...]] = ("day", "hour", "minute", "second")


class YearMonthIntervalType(_UnitsIntervalType):
    """A length of time in years and months."""

    YEAR, MONTH = range(2)
    _units: ClassVar[tuple[str, ...]] = ("year", "month")


class CalendarIntervalType(DataType):
    """Months, days and microseconds."""

    _name = "interval"


class ArrayType(DataType):
    """Lists of one type of element.

    >>> ArrayType(StringType(), containsNull=False)
    ArrayType(StringType(), False)
    """

    def __init__(self, elementType: DataType, containsNull: bool = True) -> None:
        self.elementType = _required(elementType, "elementType")
        self.containsNull = containsNull

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"array<{self.elementType.simpleString()}>"

    def jsonValue(self) -> dict[str, Any]:
        """The type as plain Python values that go into JSON."""
        return {"type": "array", "elementType": self.elementType.jsonValue(), "containsNull": self.containsNull}

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> ArrayType:
        """The type of which `jsonValue` gave this."""
        return cls(_of_json(json["elementType"]), json["containsNull"])

    def __repr__(self) -> str:
        return f"ArrayType({self.elementType}, {self.containsNull})"


class MapType(DataType):
    """Maps of one type of key to one type of value.

    >>> MapType(StringType(), LongType()).simpleString()
    'map<string,bigint>'
    """

    def __init__(self, keyType: DataType, valueType: DataType, valueContainsNull: bool = True) -> None:
        self.keyType = _required(keyType, "keyType")
        self.valueType = _required(valueType, "valueType")
        self.valueContainsNull = valueContainsNull

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"map<{self.keyType.simpleString()},{self.valueType.simpleString()}>"

    def jsonValue(self) -> dict[str, Any]:
        """The type as plain Python values that go into JSON."""
        return {
            "type": "map",
            "keyType": self.keyType.jsonValue(),
            "valueType": self.valueType.jsonValue(),
            "valueContainsNull": self.valueContainsNull,
        }

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> MapType:
        """The type of which `jsonValue` gave this."""
        return cls(_of_json(json["keyType"]), _of_json(json["valueType"]), json["valueContainsNull"])

    def __repr__(self) -> str:
        return f"MapType({self.keyType}, {self.valueType}, {self.valueContainsNull})"


class StructField(DataType):
    """A named part of a struct, or a column of a schema.

    >>> StructField("a", LongType(), False)
    StructField('a', LongType(), False)
    """

    def __init__(
        self, name: str, dataType: DataType, nullable: bool = True, metadata: dict[str, Any] | None = None
    ) -> None:
        if not isinstance(name, str):
            raise PySparkTypeError(f"the name of a field is text, not {type(name).__name__}")
        self.name = name
        self.dataType = _required(dataType, "dataType")
        self.nullable = nullable
        self.metadata = metadata or {}

    def simpleString(self) -> str:
        """Name and type.

        >>> StructField("a", LongType()).simpleString()
        'a:bigint'
        """
        return f"{self.name}:{self.dataType.simpleString()}"

    def jsonValue(self) -> dict[str, Any]:
        """The field as plain Python values that go into JSON."""
        return {
            "name": self.name,
            "type": self.dataType.jsonValue(),
            "nullable": self.nullable,
            "metadata": self.metadata,
        }

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> StructField:
        """The field of which `jsonValue` gave this."""
        return cls(json["name"], _of_json(json["type"]), json.get("nullable", True), json.get("metadata"))

    def __repr__(self) -> str:
        return f"StructField('{self.name}', {self.dataType}, {self.nullable})"


class StructType(DataType):
    """Named parts of any types; the schema of a DataFrame.

    >>> schema = StructType([StructField("a", LongType())]).add("b", "string", nullable=False)
    >>> schema.names, schema["b"], len(schema)
    (['a', 'b'], StructField('b', StringType(), False), 2)
    """

    def __init__(self, fields: Sequence[StructField] | None = None) -> None:
        self.fields: list[StructField] = list(fields or [])
        if not all(isinstance(field, StructField) for field in self.fields):
            raise PySparkTypeError("a StructType takes a list of StructField")
        self.names = [field.name for field in self.fields]

    def add(
        self,
        field: str | StructField,
        data_type: str | DataType | None = None,
        nullable: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> StructType:
        """Appends a field, and gives this schema itself.

        >>> StructType().add("a", "int").add(StructField("b", DateType())).fieldNames()
        ['a', 'b']
        """
        if isinstance(field, str):
            if data_type is None:
                raise PySparkValueError(f"the field `{field}` needs a type")
            kind = parse_type(data_type) if isinstance(data_type, str) else data_type
            field = StructField(field, kind, nullable, metadata)
        self.fields.append(field)
        self.names.append(field.name)
        return self

    def fieldNames(self) -> list[str]:
        """The names of the fields, in order.

        >>> StructType.fromDDL("a int, b date").fieldNames()
        ['a', 'b']
        """
        return list(self.names)

    field_names = fieldNames

    def simpleString(self) -> str:
        """The type as SQL has it."""
        return f"struct<{','.join(field.simpleString() for field in self.fields)}>"

    def jsonValue(self) -> dict[str, Any]:
        """The schema as plain Python values that go into JSON."""
        return {"type": "struct", "fields": [field.jsonValue() for field in self.fields]}

    @classmethod
    def fromJson(cls, json: dict[str, Any]) -> StructType:
        """The schema of which `jsonValue` gave this.

        >>> schema = StructType.fromDDL("a int, b array<string>")
        >>> StructType.fromJson(schema.jsonValue()) == schema
        True
        """
        return cls([StructField.fromJson(field) for field in json["fields"]])

    @classmethod
    def fromDDL(cls, ddl: str) -> StructType:
        """The schema that a DDL text means.

        >>> StructType.fromDDL("a int, b string")
        StructType([StructField('a', IntegerType(), True), StructField('b', StringType(), True)])
        """
        return parse_ddl(ddl)

    @classmethod
    def fromArrow(cls, schema: pa.Schema) -> StructType:
        """The schema of an Arrow table.

        >>> import pyarrow as pa
        >>> StructType.fromArrow(pa.schema({"a": pa.int64()}))
        StructType([StructField('a', LongType(), True)])
        """
        return cls([StructField(field.name, from_arrow(field.type), field.nullable) for field in schema])

    from_arrow = fromArrow

    def toArrow(self) -> pa.Schema:
        """The schema as Arrow has it.

        >>> StructType.fromDDL("a bigint").toArrow()
        a: int64
        """
        return pa.schema([pa.field(field.name, to_arrow(field.dataType), field.nullable) for field in self.fields])

    to_arrow = toArrow

    def treeString(self, maxDepth: int | None = None) -> str:
        r"""The schema as a tree, as `printSchema` shows it.

        >>> print(StructType.fromDDL("a int, b array<string>").treeString())
        root
         |-- a: integer (nullable = true)
         |-- b: array (nullable = true)
         |    |-- element: string (containsNull = true)
        <BLANKLINE>
        """
        lines = ["root"]
        _tree(self, " |", lines, maxDepth if maxDepth and maxDepth > 0 else 1 << 30)
        return "\n".join(lines) + "\n"

    tree_string = treeString

    def __iter__(self) -> Iterator[StructField]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @overload
    def __getitem__(self, key: str | int) -> StructField: ...
    @overload
    def __getitem__(self, key: slice) -> StructType: ...
    def __getitem__(self, key: str | int | slice) -> StructField | StructType:
        if isinstance(key, str):
            for field in self.fields:
                if field.name == key:
                    return field
            raise KeyError(f"there is no field `{key}`; there are {', '.join(self.names)}")
        if isinstance(key, slice):
            return StructType(self.fields[key])
        if isinstance(key, int):
            return self.fields[key]
        raise PySparkTypeError("fields are found by name, place or slice")

    def __repr__(self) -> str:
        return f"StructType([{', '.join(map(str, self.fields))}])"


class VectorUDT(DataType):
    """Dense vectors, all of one size; types of vectors are equal whatever their size."""

    _name = "vector"

    def __init__(self, size: int | None = None) -> None:
        self.size = size

    def jsonValue(self) -> dict[str, Any]:
        """The type as plain Python values that go into JSON."""
        return {"type": "udt", "class": "org.apache.spark.ml.linalg.VectorUDT", "size": self.size}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VectorUDT)

    def __hash__(self) -> int:
        return hash(VectorUDT)


def _required(kind: object, what: str) -> DataType:
    if not isinstance(kind, DataType):
        raise PySparkTypeError(f"{what} must be a DataType such as LongType(), not {kind!r}")
    return kind


def _of_json(value: str | dict[str, Any]) -> DataType:
    if isinstance(value, str):
        return parse_type({"long": "bigint", "integer": "int", "short": "smallint"}.get(value, value))
    kinds = {"array": ArrayType.fromJson, "map": MapType.fromJson, "struct": StructType.fromJson}
    if value["type"] == "udt":
        return VectorUDT(value.get("size"))
    return kinds[value["type"]](value)


def _tree(kind: DataType, prefix: str, lines: list[str], depth: int) -> None:
    if depth == 0:
        return
    if isinstance(kind, StructType):
        parts = [(field.name, field.dataType, "nullable", field.nullable) for field in kind.fields]
    elif isinstance(kind, ArrayType):
        parts = [("element", kind.elementType, "containsNull", kind.containsNull)]
    elif isinstance(kind, MapType):
        lines.append(f"{prefix}-- key: {_title(kind.keyType)}")
        _tree(kind.keyType, f"{prefix}    |", lines, depth - 1)
        parts = [("value", kind.valueType, "valueContainsNull", kind.valueContainsNull)]
    else:
        return
    for name, part, word, flag in parts:
        lines.append(f"{prefix}-- {name}: {_title(part)} ({word} = {str(flag).lower()})")
        _tree(part, f"{prefix}    |", lines, depth - 1)


def _title(kind: DataType) -> str:
    plain = isinstance(kind, DecimalType | CharType | VarcharType | TimeType | DayTimeIntervalType)
    return kind.simpleString() if plain else kind.typeName()


from springald.sql._arrow import from_arrow, rows, to_arrow  # noqa: E402
from springald.sql._ddl import parse_ddl, parse_type  # noqa: E402
from springald.sql._infer import create_table, infer_schema  # noqa: E402
