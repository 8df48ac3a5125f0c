"""What reading a file yields: commands, and what was refused or noticed on the way, by line."""

import re
from typing import Any

from msgspec import Struct

Body = dict[str, Any]
"""One element of the contract's `commands`, or the body of one of its POST routes."""

Setup = tuple[str, Body]
"""What must stand before the commands: (`asset`, `journal`, `account` or `baseline`, body of its
POST)."""


VALUED_CLASSES = frozenset({"revaluation", "fx_difference"})
"""In these a leg may move nothing but worth."""

CLASSES = VALUED_CLASSES | frozenset(
    {"adjusting", "reversing", "reclassification", "audit_adjustment", "closing", "opening"}
)


class Line(Struct, frozen=True, gc=False):
    """A command and the line of the file at which it begins, counted from 1."""

    number: int
    command: Body
    journal_id: str | None = None


class Refused(Struct, frozen=True):
    """Something that is not imported, and why. `code` is one of the contract's."""

    line: int
    journal_id: str | None
    code: str
    detail: str


class Noticed(Struct, frozen=True):
    """Something that is imported in spite of what was found. `code` says what kind of finding."""

    line: int
    journal_id: str | None
    code: str
    detail: str


class Unreadable(Exception):
    """The file, or how it is to be read, makes no sense as a whole: nothing of it is imported."""

    code = "invalid_request"


_SYSTEM = re.compile(r"[A-Za-z0-9._-]{1,64}")


def check_system(system: str | None) -> None:
    """Raises Unreadable where the name of a system can't be a part of keys."""
    if system is not None and not _SYSTEM.fullmatch(system):
        raise Unreadable(f"{system!r} is not a system: letters, digits, . _ - up to 64")
