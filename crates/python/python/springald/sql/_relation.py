"""The columns of a DataFrame: names as users see them, over the unique fields of the engine's plan.

As in Spark, a column has an identity that its name does not give: after a join two columns may be called `id`, and
`left.id` means the one that came from `left`. Selecting or filtering keeps a column's identity; computing makes a new
one.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from springald._internal import Expr
from springald.errors import AnalysisException
from springald.sql._types import common_type

if TYPE_CHECKING:
    from springald._internal import Frame

__all__ = ["Attribute", "Origin", "Probe", "Relation", "joined", "of_same_types", "project"]

T = TypeVar("T")

_identities = itertools.count()


class Origin:
    """A DataFrame's place in the family tree of DataFrames, which tells the sides of a self-join apart."""

    __slots__ = ("parents",)

    def __init__(self, parents: Sequence[Origin] = ()) -> None:
        self.parents = tuple(parents)

    def steps_to(self, ancestor: Origin) -> int | None:
        """Generations up to an ancestor; None if it is none."""
        level, seen, steps = [self], {id(self)}, 0
        while level:
            if any(one is ancestor for one in level):
                return steps
            above = {id(p): p for one in level for p in one.parents if id(p) not in seen}
            seen.update(above)
            level, steps = list(above.values()), steps + 1
        return None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column: what users call it, the field that holds it, and the aliases under which its DataFrame is known.

    `origin` is the DataFrame from which it was taken, as `df.a`. Both sides of a self-join get new identities; `former`
    says which one the column had, and on which side.
    """

    name: str
    field: str
    qualifiers: tuple[str, ...] = ()
    identity: int = dataclasses.field(default_factory=lambda: next(_identities))
    origin: Origin | None = dataclasses.field(default=None, compare=False, repr=False)
    former: tuple[tuple[int, Origin], ...] = dataclasses.field(default=(), compare=False, repr=False)

    def under(self, alias: str) -> Attribute:
        return replace(self, qualifiers=(alias,))

    def renewed(self, side: Origin) -> Attribute:
        """The same column on one side of a self-join."""
        return replace(self, identity=next(_identities), former=(*self.former, (self.identity, side)))


class Relation:
    """A frame of the engine and its columns, in order.

    `hidden` columns are no part of the result but may still be named: the other side's key after a join by names. They
    are found by identity or qualifier, and in a `wide` relation by name too.
    """

    __slots__ = ("attributes", "frame", "groups", "hidden", "wide")

    def __init__(
        self, frame: Frame, attributes: Sequence[Attribute], hidden: Sequence[Attribute] = (), wide: bool = False
    ) -> None:
        # What is grouped by, while aggregates are resolved.
        self.groups: tuple[Attribute, ...] = ()
        self.frame = frame
        self.attributes = tuple(attributes)
        self.hidden = tuple(hidden)
        self.wide = wide

    @classmethod
    def of(cls, frame: Frame, qualifiers: tuple[str, ...] = ()) -> Relation:
        """A frame whose fields are its columns."""
        fields = frame.schema().names
        return cls(frame, [Attribute(n, f, qualifiers) for n, f in zip(frame.names(), fields, strict=True)])

    def titled(self, texts: Sequence[str | None]) -> Relation:
        """The same columns, those with a text of SQL called as Spark calls such an expression; `texts` may be empty."""
        from springald.sql._sql import title

        if not texts:
            return self
        names = [None if text is None else title(text) for text in texts]
        attributes = [a if n is None else replace(a, name=n) for a, n in zip(self.attributes, names, strict=True)]
        return Relation(self.frame, attributes, self.hidden, self.wide)

    def names(self) -> list[str]:
        return [attribute.name for attribute in self.attributes]

    def all(self) -> tuple[Attribute, ...]:
        """Every column the frame has, shown or hidden."""
        return self.attributes + self.hidden

    def with_frame(self, frame: Frame) -> Relation:
        """The same columns over a frame with the same fields."""
        return Relation(frame, self.attributes, self.hidden, self.wide)

    def fresh(self, name: str, taken: Iterable[str] = ()) -> str:
        """A field name for a new column that no column of this relation, and none of `taken`, has."""
        return _fresh(name, {attribute.field for attribute in self.all()}.union(taken))

    def by_identity(self, identity: int) -> Attribute | None:
        return next((a for a in self.all() if a.identity == identity), None)

    def locate(self, wanted: Attribute) -> Attribute | None:
        """The column that a column taken from a DataFrame has become here.

        Raises:
            AnalysisException: If both sides of a self-join could be meant.
        """
        found = self.by_identity(wanted.identity)
        if found is not None or wanted.origin is None:
            return found
        steps = []
        for attribute in self.all():
            for identity, side in attribute.former:
                distance = side.steps_to(wanted.origin) if identity == wanted.identity else None
                if distance is not None:
                    steps.append((distance, attribute))
        nearest = min((distance for distance, _ in steps), default=0)
        sides = [attribute for distance, attribute in steps if distance == nearest]
        return self.chosen(wanted, sides) if sides else None

    def chosen(self, wanted: Attribute, sides: Sequence[Attribute]) -> Attribute:
        """The one of the columns that are as good as each other."""
        if len(sides) > 1:
            raise AnalysisException.ambiguous(wanted.name, [side.name for side in sides])
        return sides[0]

    def find(self, name: str, qualifier: str | None = None) -> list[Attribute]:
        """The columns of this name, whatever its case."""
        found = _named(self.attributes, name, qualifier)
        if not found and (qualifier is not None or self.wide):
            found = _named(self.hidden, name, qualifier)
        return found

    def resolve(self, parts: Sequence[str]) -> tuple[Attribute, list[str]]:
        """The column that a dotted name means, and the struct fields inside it that remain: `a`, `alias.a`, `a.b`."""
        attempts: list[tuple[str, str | None, list[str]]] = [(parts[0], None, list(parts[1:]))]
        if len(parts) > 1:
            attempts.insert(0, (parts[1], parts[0], list(parts[2:])))
        for name, qualifier, rest in attempts:
            found = self.find(name, qualifier)
            if len(found) > 1:
                raise AnalysisException.ambiguous(".".join(parts), [a.name for a in found])
            if found:
                return found[0], rest
        raise AnalysisException.unresolved(".".join(parts), self.names())


class Probe(Relation):
    """A relation that notes whether a column taken from a DataFrame was looked for in vain."""

    __slots__ = ("missed",)

    def __init__(self, relation: Relation) -> None:
        super().__init__(relation.frame, relation.attributes, relation.hidden, relation.wide)
        self.missed = False

    def locate(self, wanted: Attribute) -> Attribute | None:
        found = super().locate(wanted)
        self.missed |= found is None
        return found


class _Sides(Relation):
    """Both sides of a join, for its condition: in `df.a == df.a` the first is the left side's."""

    __slots__ = ("_met",)

    def __init__(self, relation: Relation) -> None:
        super().__init__(relation.frame, relation.attributes, relation.hidden, relation.wide)
        self._met: dict[int, int] = {}

    def chosen(self, wanted: Attribute, sides: Sequence[Attribute]) -> Attribute:
        if len(sides) == 2:
            count = self._met.get(wanted.identity, 0)
            self._met[wanted.identity] = count + 1
            return sides[count % 2]
        return super().chosen(wanted, sides)

    def check(self) -> None:
        """Raises if a column of a self-join was named once: it could be of either side."""
        for identity, count in self._met.items():
            if count % 2:
                name = next(a.name for a in self.all() if any(i == identity for i, _ in a.former))
                raise AnalysisException.ambiguous(name, ["left", "right"])


def project(relation: Relation, items: Sequence[Attribute | tuple[str, Expr]]) -> Relation:
    """The relation of these columns: some kept, with their identity, some computed, with a name.

    Args:
        relation: Where the columns are taken or computed from.
        items: Columns of the relation, or names with expressions.
    """
    used: set[str] = set()
    kept_first = {item.field for item in items if isinstance(item, Attribute)}
    attributes, exprs = [], []
    for item in items:
        if isinstance(item, Attribute):
            column, expr, name = replace(item, origin=None), Expr.field(item.field), item.field
            taken = used
        else:
            name, expr = item
            column, taken = Attribute(name, name), used | kept_first
        place = _fresh(name, taken)
        used.add(place)
        attributes.append(replace(column, field=place))
        plain = isinstance(item, Attribute) and item.field == place
        exprs.append(expr if plain else expr.alias(place))
    return Relation(relation.frame.select(exprs), attributes)


def of_same_types(relations: Sequence[Relation]) -> list[Relation]:
    """Relations with as many columns each, cast where their types differ to what holds the values of all."""
    schemas = [relation.frame.schema() for relation in relations]
    columns = zip(*(relation.attributes for relation in relations), strict=True)
    wanted = []
    for column in columns:
        kinds = [schema.field(a.field).type for schema, a in zip(schemas, column, strict=True)]
        wanted.append(kinds[0] if all(kind == kinds[0] for kind in kinds) else common_type(kinds))
    made = []
    for relation, schema in zip(relations, schemas, strict=True):
        kinds = [schema.field(a.field).type for a in relation.attributes]
        if kinds == wanted:
            made.append(relation)
            continue
        exprs = [
            Expr.field(a.field) if kind == to else Expr.field(a.field).cast(to).alias(a.field)
            for a, kind, to in zip(relation.attributes, kinds, wanted, strict=True)
        ]
        made.append(Relation(relation.frame.select(exprs), relation.attributes))
    return made


def joined(
    left: Relation, right: Relation, sides: tuple[Origin, Origin]
) -> tuple[Relation, Relation, Callable[[Callable[[Relation], T]], T]]:
    """Makes two relations ready to be joined: no field of one is called like one of the other, no identity is in both.

    Returns:
        Both relations, and a function that resolves a condition over the columns of both.
    """
    common = {a.identity for a in left.all()} & {a.identity for a in right.all()}
    fields = {a.field for a in left.all()}
    renamed = {}
    for attribute in right.all():
        place = _fresh(attribute.field, fields)
        fields.add(place)
        renamed[attribute.field] = place
    right_frame = right.frame
    if any(old != new for old, new in renamed.items()):
        right_frame = right_frame.select(
            [Expr.field(old) if old == new else Expr.field(old).alias(new) for old, new in renamed.items()]
        )

    def moved(attribute: Attribute) -> Attribute:
        attribute = replace(attribute, field=renamed[attribute.field])
        return attribute.renewed(sides[1]) if attribute.identity in common else attribute

    def kept(attribute: Attribute) -> Attribute:
        return attribute.renewed(sides[0]) if attribute.identity in common else attribute

    ready_left = Relation(left.frame, [kept(a) for a in left.attributes], [kept(a) for a in left.hidden])
    ready_right = Relation(right_frame, [moved(a) for a in right.attributes], [moved(a) for a in right.hidden])

    def over_both(resolve: Callable[[Relation], T]) -> T:
        both = left.frame.join(right_frame, "inner", None)
        relation = _Sides(
            Relation(both, ready_left.attributes + ready_right.attributes, ready_left.hidden + ready_right.hidden)
        )
        resolved = resolve(relation)
        relation.check()
        return resolved

    return ready_left, ready_right, over_both


def _fresh(name: str, used: Iterable[str]) -> str:
    if name not in used:
        return name
    return next(f"{name}#{n}" for n in itertools.count(1) if f"{name}#{n}" not in used)


def _named(attributes: Sequence[Attribute], name: str, qualifier: str | None) -> list[Attribute]:
    wanted = name.casefold()
    found = [a for a in attributes if a.name.casefold() == wanted]
    if qualifier is not None:
        alias = qualifier.casefold()
        found = [a for a in found if alias in (q.casefold() for q in a.qualifiers)]
    return found
