"""Assets: what is counted. Code and scale are fixed for ever."""

from typing import Literal

from msgspec import Struct

from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.refusals import Refusal

Kind = Literal["currency", "security", "unit"]

DEFAULT_SCALE = 2
"""For codes that ISO 4217 does not list."""

# ISO 4217 list one, the minor units that differ from 2. Funds codes and metals have none there.
ISO_4217_SCALES = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


class RegisterAsset(Command, frozen=True, kw_only=True, tag="register_asset"):
    code: str
    scale: int | None = None
    kind: Kind | None = None


class AssetRegistered(Event, frozen=True, kw_only=True):
    code: str
    scale: int
    kind: Kind
    reference: str | None = None
    private: str | None = None


class Asset(Struct, frozen=True):
    code: str
    scale: int
    kind: Kind


class AssetExists(Refusal):
    code = "already_exists"
    sentence = "The asset {asset} exists."


class AssetNotFound(Refusal):
    code = "asset_not_found"
    sentence = "There is no asset {asset}; a controller registers it with POST .../assets."


def default_scale(code: str) -> int:
    """Returns ISO 4217's minor units of a code, or DEFAULT_SCALE."""
    return ISO_4217_SCALES.get(code, DEFAULT_SCALE)


def find_asset(books: Books, code: str) -> Asset:
    """Raises AssetNotFound."""
    asset = books.assets.get(code)
    if asset is None:
        raise AssetNotFound(asset=code)
    return asset


def register(books: Books, command: RegisterAsset, at: At, new: NewStream) -> Decided:
    """Returns the event that registers an asset. Raises AssetExists."""
    if books.assets.get(command.code) is not None:
        raise AssetExists(asset=command.code)
    event = AssetRegistered(
        code=command.code,
        scale=default_scale(command.code) if command.scale is None else command.scale,
        kind=command.kind or "currency",
        reference=command.reference,
    )
    return [(new(0), event)]


def evolve(books: Books, stream: str, event: AssetRegistered) -> None:
    """Puts the asset on the books."""
    books.assets.put(event.code, Asset(event.code, event.scale, event.kind))
