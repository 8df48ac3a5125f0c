"""General ledger files for the tests, and what is read of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interface.importing.gl_detail import read_gl_detail
from interface.importing.lines import Body, Line, Refused

Found = Any
"""A Line, a Refused or a Noticed: each test says which one it expects where."""

PLAIN = "Journal_ID,Effective_Date,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator"


def written(tmp_path: Path, text: str, *, name: str = "gl.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def read(tmp_path: Path, text: str, **options: Any) -> list[Found]:
    return list(read_gl_detail(written(tmp_path, text), **options).lines())


def commands(found: Sequence[Found]) -> list[Body]:
    return [line.command for line in found if isinstance(line, Line)]


def refusals(found: Sequence[Found]) -> list[tuple[int, str | None, str]]:
    return [(line.line, line.journal_id, line.code) for line in found if isinstance(line, Refused)]


def legs(*rows: tuple[str, str, str]) -> list[Body]:
    return [
        {"account": account, "side": side, "amount": amount, "asset": "USD"}
        for account, side, amount in rows
    ]
