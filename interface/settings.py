"""Settings: what an operator can choose, read from the environment once and passed on.

Where a command line option means the same, it wins. Nothing else reads the environment, but for
BACKOFFICE_ALLOW_UNSAFE_POSTGRES, which is asked for where it matters.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

VARIABLES = {
    "DATABASE_URL": "PostgreSQL 15 or later to use; without it one is embedded in the data"
    " directory",
    "BACKOFFICE_OWNER_DATABASE_URL": "another login to DATABASE_URL's database, which makes schemas"
    " and migrates them",
    "BACKOFFICE_DATA_DIR": "the data directory (var)",
    "BACKOFFICE_HOST": "where to listen (127.0.0.1)",
    "BACKOFFICE_PORT": "where to listen (8000)",
    "BACKOFFICE_THREADS": "how many requests are worked on at once (128)",
    "BACKOFFICE_RATE_LIMIT_PER_SECOND": "requests that each key may make; off without it",
    "BACKOFFICE_PUBLIC_URL": "how the world reaches the service; logs are named after it when they"
    " get their first key (http://localhost:8000)",
    "BACKOFFICE_SIGNING_SECRET": "what signing keys are encrypted under: one or more Fernet keys,"
    " the newest first",
    "BACKOFFICE_SIGNING_SECRET_FILE": "a file with the same, made where it is missing"
    " (signing.secret in the data directory)",
    "BACKOFFICE_CHECKPOINT_TARGETS": "where checkpoints are brought: directories, files, addresses,"
    " separated by spaces",
    "BACKOFFICE_CHECKPOINT_SECONDS": "how often (3600)",
    "BACKOFFICE_LOG_LEVEL": "debug, info, warning or error (info)",
    "BACKOFFICE_ALLOW_UNSAFE_POSTGRES": "1: take a PostgreSQL that may lose what it confirmed",
}
"""Every environment variable and what it means; `backoffice serve --help` shows them."""

LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSetting(Exception):
    """A setting that means nothing; the message names it and says what it may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """`database_url` None: an embedded PostgreSQL in `data_dir`."""

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    owner_database_url: str | None = field(default=None, repr=False)
    rate_limit_per_second: float | None = None
    log_level: str = "info"
    public_url: str = "http://localhost:8000"
    signing_secret: str | None = field(default=None, repr=False)
    signing_secret_file: Path | None = None
    checkpoint_targets: tuple[str, ...] = ()
    checkpoint_seconds: float = 3600.0


def read_settings(environment: Mapping[str, str], *, data_dir: Path) -> Settings:
    """Returns the settings; an empty variable counts as none. Raises BadSetting."""
    given = {name: text for name in VARIABLES if (text := environment.get(name, "").strip())}
    if "BACKOFFICE_OWNER_DATABASE_URL" in given and "DATABASE_URL" not in given:
        raise BadSetting(
            "BACKOFFICE_OWNER_DATABASE_URL is set without DATABASE_URL, which the service would use"
        )
    file = given.get("BACKOFFICE_SIGNING_SECRET_FILE")
    return Settings(
        data_dir=data_dir,
        database_url=given.get("DATABASE_URL"),
        owner_database_url=given.get("BACKOFFICE_OWNER_DATABASE_URL"),
        rate_limit_per_second=_rate(given.get("BACKOFFICE_RATE_LIMIT_PER_SECOND")),
        log_level=_log_level(given.get("BACKOFFICE_LOG_LEVEL", "info").lower()),
        public_url=_public_url(given.get("BACKOFFICE_PUBLIC_URL", "http://localhost:8000")),
        signing_secret=given.get("BACKOFFICE_SIGNING_SECRET"),
        signing_secret_file=None if file is None else Path(file),
        checkpoint_targets=tuple(given.get("BACKOFFICE_CHECKPOINT_TARGETS", "").split()),
        checkpoint_seconds=_seconds(given.get("BACKOFFICE_CHECKPOINT_SECONDS", "3600")),
    )


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise BadSetting(
            f"BACKOFFICE_RATE_LIMIT_PER_SECOND is {text!r}; it takes a number above 0, such as 50"
        )
    return rate


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds < math.inf:
        raise BadSetting(f"BACKOFFICE_CHECKPOINT_SECONDS is {text!r}; it takes 1 or more")
    return seconds


def _public_url(text: str) -> str:
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.netloc or found.query or found.fragment:
        raise BadSetting(
            f"BACKOFFICE_PUBLIC_URL is {text!r}; it takes an address such as"
            " https://ledger.example.com"
        )
    if not text.isascii() or any(character in text for character in " +\t"):
        raise BadSetting("BACKOFFICE_PUBLIC_URL holds a space or a plus, which names no log.")
    return text.rstrip("/")


def _log_level(text: str) -> str:
    if text not in LOG_LEVELS:
        raise BadSetting(f"BACKOFFICE_LOG_LEVEL is {text!r}; it takes {', '.join(LOG_LEVELS)}")
    return text
