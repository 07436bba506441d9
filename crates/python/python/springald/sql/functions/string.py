"""Text: parts, search, padding and case."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkValueError
from springald.sql._casts import as_text, cast, coerce
from springald.sql._nodes import Build
from springald.sql._types import is_list
from springald.sql._value import Scope, Value
from springald.sql.column import Column, literal_of
from springald.sql.column import substring as _substring
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, nodes_of, taking
from springald.sql.functions.rounding import rounded

__all__ = [
    "btrim",
    "char_length",
    "character_length",
    "concat_ws",
    "contains",
    "elt",
    "endswith",
    "find_in_set",
    "format_number",
    "format_string",
    "initcap",
    "instr",
    "lcase",
    "left",
    "length",
    "levenshtein",
    "locate",
    "lower",
    "lpad",
    "ltrim",
    "mask",
    "overlay",
    "position",
    "printf",
    "quote",
    "repeat",
    "replace",
    "right",
    "rpad",
    "rtrim",
    "soundex",
    "split_part",
    "startswith",
    "substr",
    "substring",
    "substring_index",
    "translate",
    "trim",
    "ucase",
    "upper",
]


def length(col: ColumnOrName) -> Column:
    """The length of text in characters, of bytes in bytes.

    >>> spark.range(1).select(F.length(F.lit("äb"))).first()[0]
    2
    """
    return call("length", engine("spark_length", "t", pa.int32()), col)


def char_length(str: ColumnOrName) -> Column:
    """The length of text in characters, of bytes in bytes.

    >>> spark.range(1).select(F.char_length(F.lit("äb"))).first()[0]
    2
    """
    return call("char_length", engine("spark_length", "t", pa.int32()), str)


def character_length(str: ColumnOrName) -> Column:
    """The length of text in characters, of bytes in bytes.

    >>> spark.range(1).select(F.character_length(F.lit("äb"))).first()[0]
    2
    """
    return call("character_length", engine("spark_length", "t", pa.int32()), str)


def trim(col: ColumnOrName, trim: ColumnOrName | None = None) -> Column:
    """Text without blanks, or without other characters, at both ends.

    >>> spark.range(1).select(F.trim(F.lit(" a "))).first()[0]
    'a'
    """
    if trim is None:
        return call("trim", _blanks("btrim"), col)
    return call("trim", engine("btrim", "s"), col, trim, form="TRIM(BOTH {1} FROM {0})")


def ltrim(col: ColumnOrName, trim: ColumnOrName | None = None) -> Column:
    """Text without blanks, or without other characters, at its start.

    >>> spark.range(1).select(F.ltrim(F.lit(" a "))).first()[0]
    'a '
    """
    if trim is None:
        return call("ltrim", _blanks("ltrim"), col)
    return call("ltrim", engine("ltrim", "s"), col, trim, form="TRIM(LEADING {1} FROM {0})")


def rtrim(col: ColumnOrName, trim: ColumnOrName | None = None) -> Column:
    """Text without blanks, or without other characters, at its end.

    >>> spark.range(1).select(F.rtrim(F.lit(" a "))).first()[0]
    ' a'
    """
    if trim is None:
        return call("rtrim", _blanks("rtrim"), col)
    return call("rtrim", engine("rtrim", "s"), col, trim, form="TRIM(TRAILING {1} FROM {0})")


def btrim(str: ColumnOrName, trim: ColumnOrName | None = None) -> Column:
    """Text without blanks, or without other characters, at both ends.

    >>> spark.range(1).select(F.btrim(F.lit("xax"), F.lit("x"))).first()[0]
    'a'
    """
    return call("btrim", _blanks("btrim"), str) if trim is None else call("btrim", engine("btrim", "s"), str, trim)


def _blanks(function: str) -> Build:
    return lambda scope, value: scope.call(function, taking("s", value, 0), " ")


def upper(col: ColumnOrName) -> Column:
    """Text in capitals.

    >>> spark.range(1).select(F.upper(F.lit("ada"))).first()[0]
    'ADA'
    """
    return call("upper", engine("upper", "s"), col)


def ucase(str: ColumnOrName) -> Column:
    """Text in capitals.

    >>> spark.range(1).select(F.ucase(F.lit("ada"))).first()[0]
    'ADA'
    """
    return call("ucase", engine("upper", "s"), str)


def lower(col: ColumnOrName) -> Column:
    """Text in small letters.

    >>> spark.range(1).select(F.lower(F.lit("ADA"))).first()[0]
    'ada'
    """
    return call("lower", engine("lower", "s"), col)


def lcase(str: ColumnOrName) -> Column:
    """Text in small letters.

    >>> spark.range(1).select(F.lcase(F.lit("ADA"))).first()[0]
    'ada'
    """
    return call("lcase", engine("lower", "s"), str)


def initcap(col: ColumnOrName) -> Column:
    """Text with a capital first in every word, words being parted by blanks.

    >>> spark.range(1).select(F.initcap(F.lit("ada LOVELACE"))).first()[0]
    'Ada Lovelace'
    """
    return call("initcap", _initcap, col)


def _initcap(scope: Scope, value: Value) -> Value:
    from springald.sql._lambda import mapped

    # The engine starts words at any sign, Spark only after blanks.
    words = scope.call("string_to_array", scope.call("lower", taking("s", value, 0)), " ")

    def capital(word: Value) -> Value:
        return scope.call("concat", scope.call("upper", scope.call("left", word, 1)), scope.call("substr", word, 2))

    found = scope.call("array_to_string", mapped(words, capital), " ")
    return scope.case([(value.is_not_null(), scope.call("coalesce", found, ""))])


def concat_ws(sep: str, *cols: ColumnOrName) -> Column:
    """Texts and lists of texts, one after another, with a text between; nulls left out.

    >>> spark.range(1).select(F.concat_ws("-", F.lit("a"), F.lit(None), F.lit("b"))).first()[0]
    'a-b'
    """

    def build(scope: Scope, separator: Value, *values: Value) -> Value:
        parts = []
        for value in values:
            if is_list(value.type):
                joined = scope.call("array_to_string", value.cast(pa.list_(pa.string())), separator)
                # An empty list is no part at all.
                filled = scope.call("array_compact", value)
                some = scope.call("array_length", filled).binary(">", scope.literal(0, pa.uint64()))
                parts.append(scope.case([(some, joined)]))
            else:
                parts.append(taking("s", value, 0))
        return scope.call("concat_ws", separator, *parts) if parts else scope.literal("")

    return call("concat_ws", build, lit_(sep), *nodes_of(cols))


def contains(left: ColumnOrName, right: ColumnOrName) -> Column:
    """Whether a text has another inside.

    >>> spark.range(1).select(F.contains(F.lit("abc"), F.lit("b"))).first()[0]
    True
    """
    return call("contains", engine("contains", "s"), left, right)


def startswith(str: ColumnOrName, prefix: ColumnOrName) -> Column:
    """Whether a text starts with another.

    >>> spark.range(1).select(F.startswith(F.lit("abc"), F.lit("a"))).first()[0]
    True
    """
    return call("startswith", engine("starts_with", "s"), str, prefix)


def endswith(str: ColumnOrName, suffix: ColumnOrName) -> Column:
    """Whether a text ends with another.

    >>> spark.range(1).select(F.endswith(F.lit("abc"), F.lit("c"))).first()[0]
    True
    """
    return call("endswith", engine("ends_with", "s"), str, suffix)


def elt(*inputs: ColumnOrName) -> Column:
    """The text at a place, from 1, among others.

    >>> spark.range(1).select(F.elt(F.lit(2), F.lit("a"), F.lit("b"))).first()[0]
    'b'
    """

    def build(scope: Scope, place: Value, *texts: Value) -> Value:
        number = coerce(place, pa.int32())
        branches = [(number.binary("=", i + 1), taking("s", text, 0)) for i, text in enumerate(texts)]
        outside = number.binary("<", 1).binary("or", number.binary(">", len(texts)))
        message = "[INVALID_ARRAY_INDEX] the index of elt is out of bounds"
        return scope.case([*branches, (outside, scope.fail(message, pa.string()))])

    return call("elt", build, *inputs)


def find_in_set(str: ColumnOrName, str_array: ColumnOrName) -> Column:
    """The place, from 1, of a text in a text of parts with commas between; 0 if it is none.

    >>> spark.range(1).select(F.find_in_set(F.lit("b"), F.lit("a,b"))).first()[0]
    2
    """
    return call("find_in_set", engine("find_in_set", "s", pa.int32()), str, str_array)


def format_number(col: ColumnOrName, d: int) -> Column:
    """A number with so many digits after the point and a comma between thousands.

    >>> spark.range(1).select(F.format_number(F.lit(12345.678), 2)).first()[0]
    '12,345.68'
    """
    if d < 0:
        raise PySparkValueError(f"[INVALID_PARAMETER_VALUE] there are no {d} digits after a point")

    def build(scope: Scope, value: Value, _: Value) -> Value:
        number = taking("n", value, 0)
        if not pt.is_floating(number.type):
            return _with_commas(rounded(number, d, even=True), d)
        odd = scope.call("isnan", number).binary("or", scope.call("abs", number).binary("=", float("inf")))
        plain = scope.case([(odd.unary("not"), number)])
        text = _with_commas(rounded(plain, d, even=True), d)
        return scope.case([(odd, scope.call("replace", as_text(number), "Infinity", "∞"))], text)

    return call("format_number", build, col, d)


def _with_commas(value: Value, digits: int) -> Value:
    """A number as text with so many digits after the point, and a comma between thousands."""
    scope = value.scope
    number = cast(value, pa.decimal128(38, digits))
    text = scope.call("ltrim", as_text(number), "-")
    whole = scope.call("reverse", scope.call("split_part", text, ".", 1))
    grouped = scope.call("regexp_replace", whole, r"(\d{3})", "${1},", "g")
    front = scope.call("ltrim", scope.call("reverse", grouped), ",")
    if digits:
        front = scope.call("concat", front, ".", scope.call("split_part", text, ".", 2))
    negative = scope.case([(number.binary("<", scope.literal(0, pa.int32()).cast(number.type)), scope.literal("-"))])
    sign = scope.call("coalesce", negative, "")
    return scope.case([(number.is_not_null(), scope.call("concat", sign, front))])


def format_string(format: str, *cols: ColumnOrName) -> Column:
    """Values put in a text in place of `%s`, `%d` and the like.

    >>> spark.range(1).select(F.format_string("%s=%d", F.lit("a"), F.lit(1))).first()[0]
    'a=1'
    """
    return call("format_string", engine("spark_format_string", "."), lit_(format), *cols)


def printf(format: ColumnOrName, *cols: ColumnOrName) -> Column:
    """Values put in a text in place of `%s`, `%d` and the like.

    >>> spark.range(1).select(F.printf(F.lit("%s=%d"), F.lit("a"), F.lit(1))).first()[0]
    'a=1'
    """
    return call("printf", engine("spark_format_string", "."), format, *cols)


def instr(str: ColumnOrName, substr: Column | str) -> Column:
    """The place, from 1, where a text is first found in another; 0 if it is not.

    >>> spark.range(1).select(F.instr(F.lit("abc"), F.lit("c"))).first()[0]
    3
    """
    return call("instr", engine("strpos", "s", pa.int32()), str, lit_(substr))


def locate(substr: str, str: ColumnOrName, pos: int = 1) -> Column:
    """The place, from 1, where a text is first found in another from a place on; 0 if it is not.

    >>> spark.range(1).select(F.locate("b", F.lit("abcb"), 3)).first()[0]
    4
    """
    return call("locate", _locate, lit_(substr), str, lit_(pos))


def position(substr: ColumnOrName, str: ColumnOrName, start: ColumnOrName | None = None) -> Column:
    """The place, from 1, where a text is first found in another from a place on; 0 if it is not.

    >>> spark.range(1).select(F.position(F.lit("b"), F.lit("abc"))).first()[0]
    2
    """
    return call("position", _locate, substr, str, lit_(1) if start is None else start)


def _locate(scope: Scope, part: Value, text: Value, start: Value) -> Value:
    part, text, start = taking("s", part, 0), taking("s", text, 0), coerce(start, pa.int64())
    rest = scope.call("substr", text, start)
    found = scope.call("strpos", rest, part).cast(pa.int64())
    place = scope.case([(found.binary("=", 0), found)], found.binary("+", start).binary("-", 1))
    return scope.case([(start.binary("<", 1), scope.literal(0, pa.int64()).unless_null(text))], place).cast(pa.int32())


def left(str: ColumnOrName, len: ColumnOrName) -> Column:
    """The first characters.

    >>> spark.range(1).select(F.left(F.lit("abc"), F.lit(2))).first()[0]
    'ab'
    """
    return call("left", _side("left"), str, len)


def right(str: ColumnOrName, len: ColumnOrName) -> Column:
    """The last characters.

    >>> spark.range(1).select(F.right(F.lit("abc"), F.lit(2))).first()[0]
    'bc'
    """
    return call("right", _side("right"), str, len)


def _side(function: str) -> Build:
    def build(scope: Scope, text: Value, count: Value) -> Value:
        count = coerce(count, pa.int64())
        bounded = scope.case([(count.binary("<", 0), scope.literal(0, pa.int64()))], count)
        return scope.call(function, taking("s", text, 0), bounded)

    return build


def levenshtein(left: ColumnOrName, right: ColumnOrName, threshold: int | None = None) -> Column:
    """How many characters have to change to make one text of another; -1 past a threshold.

    >>> spark.range(1).select(F.levenshtein(F.lit("cat"), F.lit("cart"))).first()[0]
    1
    """
    if threshold is None:
        return call("levenshtein", engine("levenshtein", "s", pa.int32()), left, right)

    def build(scope: Scope, a: Value, b: Value, most: Value) -> Value:
        count = engine("levenshtein", "s", pa.int32())(scope, a, b)
        return scope.case([(count.binary(">", most), scope.literal(-1, pa.int32()))], count)

    return call("levenshtein", build, left, right, threshold)


def lpad(col: ColumnOrName, len: Column | int, pad: Column | str) -> Column:
    """Text filled up to a length at its start, or cut.

    >>> spark.range(1).select(F.lpad(F.lit("7"), 3, "0")).first()[0]
    '007'
    """
    return call("lpad", engine("lpad", "sls"), col, lit_(len), lit_(pad))


def rpad(col: ColumnOrName, len: Column | int, pad: Column | str) -> Column:
    """Text filled up to a length at its end, or cut.

    >>> spark.range(1).select(F.rpad(F.lit("7"), 3, "0")).first()[0]
    '700'
    """
    return call("rpad", engine("rpad", "sls"), col, lit_(len), lit_(pad))


def mask(
    col: ColumnOrName,
    upperChar: ColumnOrName | None = None,
    lowerChar: ColumnOrName | None = None,
    digitChar: ColumnOrName | None = None,
    otherChar: ColumnOrName | None = None,
) -> Column:
    """Text with its capitals, small letters, digits and other characters each replaced by one.

    >>> spark.range(1).select(F.mask(F.lit("Ab-12"))).first()[0]
    'Xx-nn'
    """
    given = [upperChar, lowerChar, digitChar, otherChar]
    defaults = ["X", "x", "n", None]
    chars = [literal_of(d) if c is None else c for c, d in zip(given, defaults, strict=True)]

    def build(scope: Scope, text: Value, *signs: Value) -> Value:
        text = taking("s", text, 0)
        # Masked characters wait in the private use area, so that none is masked twice.
        waiting = ["\ue000", "\ue001", "\ue002", "\ue003"]
        classes = [r"\p{Lu}", r"\p{Ll}", r"\p{Nd}", "[^\ue000-\ue002]"]
        masked = [not pt.is_null(sign.type) for sign in signs]
        for pattern, mark, wanted in zip(classes, waiting, masked, strict=True):
            if wanted:
                text = scope.call("regexp_replace", text, pattern, mark, "g")
        for mark, sign, wanted in zip(waiting, signs, masked, strict=True):
            if wanted:
                text = scope.call("replace", text, mark, taking("s", sign, 0))
        return text

    return call("mask", build, col, *chars)


def overlay(src: ColumnOrName, replace: ColumnOrName, pos: ColumnOrName | int, len: ColumnOrName | int = -1) -> Column:
    """Text with a part replaced from a place on; as long a part as the replacement, or as given.

    >>> spark.range(1).select(F.overlay(F.lit("Spark"), F.lit("XX"), 2)).first()[0]
    'SXXrk'
    """

    def build(scope: Scope, text: Value, other: Value, place: Value, count: Value) -> Value:
        text, other = taking("s", text, 0), taking("s", other, 0)
        place, count = coerce(place, pa.int64()), coerce(count, pa.int64())
        own = scope.call("character_length", other).cast(pa.int64())
        cut = scope.case([(count.binary("<", 0), own)], count)
        head = scope.call("substr", text, 1, place.binary("-", 1))
        tail = scope.call("substr", text, place.binary("+", cut))
        return scope.call("concat", head, other, tail).unless_null(text, other, place, count)

    return call("overlay", build, src, replace, pos, len)


def quote(col: ColumnOrName) -> Column:
    """Text in single quotes, quotes inside being escaped.

    >>> spark.range(1).select(F.quote(F.lit("a"))).first()[0]
    "'a'"
    """
    return call("quote", engine("spark_quote", "s"), col)


def repeat(col: ColumnOrName, n: ColumnOrName | int) -> Column:
    """Text so many times over.

    >>> spark.range(1).select(F.repeat(F.lit("ab"), 2)).first()[0]
    'abab'
    """
    return call("repeat", engine("repeat", "sl"), col, n)


def replace(src: ColumnOrName, search: ColumnOrName, replace: ColumnOrName | None = None) -> Column:
    """Text with a part replaced wherever it is, or left out.

    >>> spark.range(1).select(F.replace(F.lit("abab"), F.lit("a"), F.lit("c"))).first()[0]
    'cbcb'
    """

    def build(scope: Scope, text: Value, part: Value, new: Value) -> Value:
        text, part, new = (taking("s", value, 0) for value in (text, part, new))
        return scope.case([(part.binary("=", ""), text)], scope.call("replace", text, part, new))

    return call("replace", build, src, search, literal_of("") if replace is None else replace)


def soundex(col: ColumnOrName) -> Column:
    """A code of how an English word sounds.

    >>> spark.range(1).select(F.soundex(F.lit("Miller"))).first()[0]
    'M460'
    """
    return call("soundex", engine("spark_soundex", "s"), col)


def split_part(src: ColumnOrName, delimiter: ColumnOrName, partNum: ColumnOrName) -> Column:
    """The part at a place, from 1 or from the end below zero, of a text cut at a text.

    >>> spark.range(1).select(F.split_part(F.lit("a,b"), F.lit(","), F.lit(2))).first()[0]
    'b'
    """
    return call("split_part", engine("split_part", "ssl"), src, delimiter, partNum)


def substr(str: ColumnOrName, pos: ColumnOrName, len: ColumnOrName | None = None) -> Column:
    """Part of a text: where it starts, from 1 or from the end below zero, and how long it is.

    >>> spark.range(1).select(F.substr(F.lit("abcd"), F.lit(2), F.lit(2))).first()[0]
    'bc'
    """
    return call("substr", _substring, str, pos, lit_(2147483647) if len is None else len)


def substring(str: ColumnOrName, pos: ColumnOrName | int, len: ColumnOrName | int) -> Column:
    """Part of a text: where it starts, from 1 or from the end below zero, and how long it is.

    >>> spark.range(1).select(F.substring(F.lit("abcd"), 2, 2)).first()[0]
    'bc'
    """
    return call("substring", _substring, str, pos, len)


def substring_index(str: ColumnOrName, delim: str, count: int) -> Column:
    """The text before the so manieth delimiter, or after it from the end below zero.

    >>> spark.range(1).select(F.substring_index(F.lit("a.b.c"), ".", 2)).first()[0]
    'a.b'
    """

    return call("substring_index", engine("substr_index", "ssl"), str, lit_(delim), lit_(count))


def translate(srcCol: ColumnOrName, matching: str, replace: str) -> Column:
    """Text with each character of one text replaced by that at its place in another, or left out past its end.

    >>> spark.range(1).select(F.translate(F.lit("abc"), "ab", "x")).first()[0]
    'xc'
    """
    return call("translate", engine("translate", "s"), srcCol, lit_(matching), lit_(replace))
