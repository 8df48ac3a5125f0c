"""Each command that the help or the documents show is one that the command line understands."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from interface.cli.examples import EXAMPLES
from interface.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
IN_TEXT = re.compile(r"`(backoffice [a-z][^`]* --ledger [^`]*)`")
IN_BLOCK = re.compile(r"^(?: {4}|\. |)((?:[A-Z_]+=\S+ )?backoffice [a-z].*)$", re.MULTILINE)
PATTERN = re.compile(r"[\[|]|\b(?:COMMAND|NAME|FORMAT)\b|\.\.\.$")
"""What says how commands are written, and is none."""


def documented() -> list[str]:
    texts = [path.read_text() for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))]
    found = {line for text in texts for form in (IN_TEXT, IN_BLOCK) for line in form.findall(text)}
    return sorted(line for line in found if not PATTERN.search(line))


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are understood, and nothing is done; files need not be there."""
    monkeypatch.setattr(click.Command, "invoke", lambda _command, _context: None)
    monkeypatch.setattr(click.Path, "convert", lambda _type, value, *_: Path(value))


def test_every_command_has_examples() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()
    for name, examples in EXAMPLES.items():
        assert all(f" backoffice {name}" in f" {example}" for example in examples)
        shown = CliRunner().invoke(main, [name, "--help"]).output
        assert examples
        assert all(example in shown for example in examples)


@pytest.mark.usefixtures("understood")
@pytest.mark.parametrize(
    "line", [*(line for examples in EXAMPLES.values() for line in examples), *documented()]
)
def test_it_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)
    words = words[words.index("backoffice") + 1 :]
    if ">" in words:
        words = words[: words.index(">")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output


def test_the_documents_show_commands() -> None:
    assert len(documented()) > 30
