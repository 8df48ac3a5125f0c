"""The kinds of values that the contract knows, as marshmallow fields.

Strict throughout: nothing is coerced ("true" is no boolean, 1 is no text), a pattern covers the
whole text, and no text holds NUL or half a surrogate pair (PostgreSQL and UTF-8 have neither).
What a field says of itself also stands in OpenAPI (`metadata`), and loading.py derives the fast
decoder from the same attributes.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate

AMOUNT = r"[0-9]+(\.[0-9]+)?"
SIGNED_AMOUNT = r"-?[0-9]+(\.[0-9]+)?"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
VISIBLE_ASCII = r"[!-~]+"

AMOUNT_MAX_CHARACTERS = 255
POSITION_MAX = 2**63 - 1

_UNFIT = re.compile("[\x00\ud800-\udfff]")
_NO_NUL = r"^[^\u0000]*$"

Rule = Callable[[Any], str | None]
"""Says what is wrong with a value of the right type, or None."""


def fits(text: str) -> bool:
    """True where PostgreSQL and UTF-8 can hold the text."""
    return _UNFIT.search(text) is None


class Strict(fields.Field[Any]):
    """A field that reads a JSON value as it is, or raises ValidationError."""

    def read(self, value: Any) -> Any:
        """Returns the value that the domain takes."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002 -- marshmallow's
        return self.read(value)


class Text(Strict, fields.String):
    """Text of so many characters, of a form where `pattern` gives one."""

    def __init__(
        self,
        max_length: int,
        *,
        min_length: int = 1,
        pattern: str | None = None,
        rule: Rule | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        said = {"minLength": min_length, "maxLength": max_length, "pattern": _NO_NUL}
        if pattern is not None:
            said["pattern"] = f"^{pattern}$"
        super().__init__(metadata={**said, **(metadata or {})}, **kwargs)
        self.min_length = min_length
        self.max_length = max_length
        self.pattern = pattern
        self.rule = rule
        self._matches = None if pattern is None else re.compile(pattern).fullmatch

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Not a text.")
        if not self.min_length <= len(value) <= self.max_length:
            raise ValidationError(f"Takes {self.min_length} to {self.max_length} characters.")
        if not fits(value):
            raise ValidationError("Holds a character that no text may have.")
        text = self._normalized(value)
        if self._matches is not None and self._matches(text) is None:
            raise ValidationError(f"Does not have the form {self.pattern}")
        if self.rule is not None and (wrong := self.rule(text)):
            raise ValidationError(wrong)
        return text

    def _normalized(self, value: str) -> str:
        return value


class Uuid(Text):
    """A UUID in its canonical form; upper case is taken and lowered."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"pattern": f"^{UUID.replace('a-f', 'a-fA-F')}$", "format": "uuid"}
        metadata |= kwargs.pop("metadata", {})
        super().__init__(36, min_length=36, pattern=UUID, metadata=metadata, **kwargs)

    def _normalized(self, value: str) -> str:
        return value.lower()


class Amount(Text):
    """A decimal string in the asset's units."""

    def __init__(self, *, pattern: str = AMOUNT, **kwargs: Any) -> None:
        super().__init__(AMOUNT_MAX_CHARACTERS, pattern=pattern, **kwargs)


class Choice(Strict, fields.String):
    """One of a few words."""

    def __init__(self, choices: Iterable[str], **kwargs: Any) -> None:
        self.choices = tuple(choices)
        super().__init__(validate=validate.OneOf(self.choices), **kwargs)

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Not a text.")
        return value


class Flag(Strict, fields.Boolean):
    """true or false, nothing that looks like it."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not true or false.")
        return value


class Whole(Strict, fields.Integer):
    """A JSON integer within its bounds, both included."""

    def __init__(
        self,
        minimum: int,
        maximum: int,
        *,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        said = {"minimum": minimum, "maximum": maximum}
        super().__init__(metadata={**said, **(metadata or {})}, **kwargs)
        self.minimum = minimum
        self.maximum = maximum

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("Not an integer.")
        if not self.minimum <= value <= self.maximum:
            raise ValidationError(f"Takes {self.minimum} to {self.maximum}.")
        return value


class WholeInQuery(Whole):
    """An integer in a query string: digits, as JSON writes them."""

    def read(self, value: Any) -> int:
        if not isinstance(value, str) or re.fullmatch(r"-?[0-9]{1,20}", value, re.ASCII) is None:
            raise ValidationError("Not an integer.")
        return super().read(int(value))


class FlagInQuery(Flag):
    """`true` or `false` in a query string."""

    def read(self, value: Any) -> bool:
        return super().read({"true": True, "false": False}.get(value))


class Day(Strict, fields.Date):
    """`2026-03-31`."""

    def read(self, value: Any) -> date:
        # The decoder of the fast path reads it too, so that both take the same.
        if isinstance(value, str) and value.isascii():
            try:
                return msgspec.convert(value, date)
            except msgspec.ValidationError:
                pass
        raise ValidationError("Not a day such as 2026-03-31.")


class Moment(Strict, fields.AwareDateTime):
    """An RFC 3339 moment with its offset; converted to UTC."""

    def read(self, value: Any) -> datetime:
        if isinstance(value, str) and value.isascii():
            try:
                moment = msgspec.convert(value, datetime)
                if moment.tzinfo is not None:
                    return moment.astimezone(UTC)
            except (msgspec.ValidationError, OverflowError):
                pass
        raise ValidationError("Not an RFC 3339 moment with its offset.")


class Pairs(Strict, fields.Dict):
    """An object from text to text."""

    def __init__(
        self,
        *,
        max_pairs: int,
        name: Text,
        value: Text,
        rule: Rule | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        said = {"maxProperties": max_pairs, "propertyNames": name.metadata}
        super().__init__(values=value, metadata={**said, **(metadata or {})}, **kwargs)
        self.max_pairs = max_pairs
        self.name_field = name
        self.value = value
        self.rule = rule

    def read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("Not an object of texts.")
        if len(value) > self.max_pairs:
            raise ValidationError(f"Takes up to {self.max_pairs} members.")
        errors = {}
        for name, text in value.items():
            try:
                self.name_field.deserialize(name)
                self.value.deserialize(text)
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        if self.rule is not None and (wrong := self.rule(value)):
            raise ValidationError(wrong)
        return value


class DayOrMoment(Strict, fields.Raw):
    """`2026-03-31`, all of it, or a moment."""

    def __init__(self, **kwargs: Any) -> None:
        said = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
        super().__init__(metadata={**said, **kwargs.pop("metadata", {})}, **kwargs)

    def read(self, value: Any) -> date | datetime:
        kind = Day() if isinstance(value, str) and len(value) <= len("2026-03-31") else Moment()
        return kind.read(value)


class Part(fields.Nested):
    """An object within the body."""

    def __init__(self, schema: type[Schema], **kwargs: Any) -> None:
        super().__init__(schema, **kwargs)
        self.part = schema


class Parts(fields.List[Any]):
    """A list of objects within the body."""

    def __init__(
        self, schema: type[Schema], *, min_length: int = 0, max_length: int, **kwargs: Any
    ) -> None:
        length = validate.Length(min=min_length or None, max=max_length)
        super().__init__(fields.Nested(schema), validate=length, **kwargs)
        self.part = schema
        self.min_length = min_length
        self.max_length = max_length

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a list.")
        if len(value) > self.max_length:
            raise ValidationError(f"Takes up to {self.max_length} items.")
        return super()._deserialize(value, attr, data, **kwargs)
