"""NDJSON files read as commands."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from interface.importing import ndjson
from interface.importing.lines import Line, Refused
from interface.importing.ndjson import Block, read_ndjson

POST = {"do": "post", "key": "k1", "legs": [{"account": "a", "amount": "12.50"}]}


def written(tmp_path: Path, *lines: bytes) -> Path:
    path = tmp_path / "commands.ndjson"
    path.write_bytes(b"\n".join(lines))
    return path


def lines_of(path: Path) -> Iterator[Line | Refused]:
    for item in read_ndjson(path):
        yield from item.each() if isinstance(item, Block) else [item]


def keys_of(path: Path) -> list[str]:
    return [line.command["key"] for line in lines_of(path) if isinstance(line, Line)]


def test_each_line_is_a_command(tmp_path: Path) -> None:
    lines = [json.dumps(POST).encode(), b"", b"  ", b'{"do":"void","key":"k2"}\r']
    assert list(lines_of(written(tmp_path, *lines))) == [
        Line(1, POST),
        Line(4, {"do": "void", "key": "k2"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_command(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbf" + json.dumps(POST).encode())
    assert list(lines_of(path)) == [Line(1, POST)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "malformed"),
        (b"nonsense", "malformed"),
        (b'{"key": NaN}', "malformed"),
        (b'{"key": "\xff"}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"amount": 1e999}', "malformed"),
        (b"[]", "invalid_request"),
        (b'"post"', "invalid_request"),
        (b'{"a": "' + b"x" * ndjson.LONGEST_LINE_BYTES + b'"}', "too_large"),
    ],
)
def test_what_is_no_command_is_refused_by_line_and_the_rest_goes_on(
    tmp_path: Path, line: bytes, code: str
) -> None:
    ok = json.dumps(POST).encode()
    first, second, third = lines_of(written(tmp_path, ok, line, ok))
    assert (first, third) == (Line(1, POST), Line(3, POST))
    assert isinstance(second, Refused)
    assert (second.line, second.code) == (2, code)
    assert second.detail


def test_a_line_without_a_key_gets_the_same_one_every_time(tmp_path: Path) -> None:
    keyless = b'{"do":"post","legs":[]}'
    other = b'{"do":"post","legs":[ ]}'
    path = written(tmp_path, keyless, keyless, other, keyless + b"\r", b'{"do":"x","key":null}')
    keys = keys_of(path)
    assert keys == keys_of(path)
    assert len(set(keys)) == 5
    assert keys[0].rpartition(":")[0] == keys[1].rpartition(":")[0] == keys[3].rpartition(":")[0]
    assert [key.rpartition(":")[2] for key in keys] == ["1", "2", "1", "3", "1"]
    assert all(key.isascii() and key.isprintable() and len(key) <= 255 for key in keys)


def test_an_edited_file_leaves_the_keys_of_its_other_lines_alone(tmp_path: Path) -> None:
    a, b, c = b'{"do":"a"}', b'{"do":"b"}', b'{"do":"c"}'
    before = keys_of(written(tmp_path, a, b, c))
    after = keys_of(written(tmp_path, a, c))
    assert after == [before[0], before[2]]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak_bytes(lines: int) -> int:
        path = tmp_path / "long.ndjson"
        with path.open("w") as file:
            file.writelines(f'{{"do":"post","n":{n}}}\n' for n in range(lines))
        tracemalloc.start()
        try:
            assert sum(1 for _ in lines_of(path)) == lines
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # The commands of 12,000 lines take some 6 MB, their digests alone 1.
    assert peak_bytes(16_000) < peak_bytes(4_000) + 200_000
