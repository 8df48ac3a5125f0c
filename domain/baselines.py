"""Baselines: what something would have cost, approved beforehand, to hold what was posted against.

So many units a month at a unit amount, on an account and perhaps on dimensions of its lines. One
person proposes it, another one approves it; until then it counts nowhere. A baseline is a fact
beside the books: it posts nothing, and neither does what was saved against it. A later version of
the same account and dimensions replaces an earlier one in the months of its span, once it is
approved; the earlier one stays known.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct, field
from msgspec.structs import replace

from domain.accounts import AssetNotAllowed, find_account
from domain.assets import Asset, find_asset
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream, persons
from domain.money import (
    LIMIT_MINOR,
    AmountTooFine,
    AmountTooLarge,
    format_amount,
    minor_units,
    parse_amount,
    parse_value,
)
from domain.refusals import Forbidden, Refusal

UNIT_DECIMALS = 4
SHARES = 10_000
"""A unit may be given with so many decimals; what a month's units come to is never rounded."""


class SetBaseline(Command, frozen=True, kw_only=True, tag="set_baseline"):
    """`units` by month (`2025-01`), as decimal strings; `asset`: the functional one, which it is
    without it too. `approver`: who is asked to approve it; any other person may where nobody is.
    Requires that `from_` and `to`, where given, are the first day of a month and the last one of a
    month, and that all months of `units` lie between them."""

    account: str
    unit_amount: str
    units: dict[str, str]
    source: str
    approver: str | None = None
    dimension: dict[str, str] | None = None
    asset: str | None = None
    from_: date | None = field(default=None, name="from")
    to: date | None = None
    version: int | None = None


class ApproveBaseline(Command, frozen=True, kw_only=True, tag="approve_baseline"):
    """Sent by another person than the one who proposed it."""

    baseline: str


class BaselineSet(Event, frozen=True, kw_only=True):
    """Proposed by `author`, for whom `person` answers where it is a service, perhaps on somebody's
    behalf; `approver` is asked to approve it. Those without an author were approved before they
    were recorded, by `approver`."""

    account: str
    dimension: dict[str, str] | None = None
    asset: str
    unit_amount: str
    units: dict[str, str]
    from_: date = field(name="from")
    to: date
    version: int
    source: str
    author: str | None = None
    person: str | None = None
    on_behalf_of: str | None = None
    approver: str | None = None
    reference: str | None = None
    private: str | None = None


class BaselineApproved(Event, frozen=True, kw_only=True):
    """In the baseline's own stream: `approver`, for whom `person` answers where it is a service,
    approved what `author` had proposed."""

    account: str
    dimension: dict[str, str] | None = None
    version: int
    author: str
    approver: str
    person: str | None = None
    reference: str | None = None
    private: str | None = None


class Baseline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a baseline as it was proposed, and who approved it since (`approval`). Months
    without units expect nothing."""

    id: str
    account: str
    dimension: dict[str, str] | None = None
    asset: str
    unit_amount: str
    units: dict[str, str]
    from_: date = field(name="from")
    to: date
    version: int
    source: str
    author: str | None = None
    person: str | None = None
    on_behalf_of: str | None = None
    approver: str | None = None
    reference: str | None = None
    approval: str | None = None

    @property
    def approved_by(self) -> str | None:
        """Who approved it; None: nobody did yet."""
        return self.approver if self.author is None else self.approval

    @property
    def events(self) -> int:
        """How many its stream has."""
        return 1 if self.approval is None else 2

    @property
    def about(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What its versions have in common: the account and the dimensions."""
        return about(self.account, self.dimension)

    def months(self) -> Iterator[date]:
        """Yields the first day of each month of its span."""
        month = self.from_.replace(day=1)
        while month <= self.to:
            yield month
            if (month.year, month.month) == (date.max.year, 12):
                return
            month = first_of_next_month(month)

    def expected_minor(self, month: date) -> int:
        """Returns what a month comes to, in minor units of its asset."""
        units = self.units.get(f"{month:%Y-%m}")
        return 0 if units is None else _product(units, minor_units(self.unit_amount))


class BaselineExists(Refusal):
    code = "already_exists"
    sentence = "The baseline of {account} is at version {version}; {asked} would be an older one."


class BaselineNotFound(Refusal):
    code = "not_found"
    sentence = "There is no baseline {baseline}."


class BaselineIsApproved(Refusal):
    code = "already_exists"
    sentence = "Version {version} of the baseline of {account} was approved by {approved_by}."


class AnotherPersonNeeded(Forbidden):
    sentence = "{author} proposed this baseline; another person has to approve it."


class ApproverNeeded(Forbidden):
    sentence = "{approver} was asked to approve this baseline."


def set_baseline(books: Books, command: SetBaseline, at: At, new: NewStream) -> Decided:
    """Returns the event that proposes a baseline.

    Raises AccountNotFound, AssetNotFound, BaselineExists, AssetNotAllowed, AmountNotPositive,
    AmountTooFine, AmountTooLarge.
    """
    account = find_account(books, command.account)
    functional = books.ledger.functional_asset
    asset = find_asset(books, command.asset or functional)
    last = _last_version(books.baselines.now.values(), account.code, command.dimension)
    if command.version is not None and command.version <= last:
        raise BaselineExists(account=account.code, version=last, asked=command.version)
    if asset.code != functional:
        raise AssetNotAllowed(account=account.code, allowed=functional, asset=asset.code)
    unit_minor = parse_amount(command.unit_amount, scale=asset.scale, asset=asset.code)
    for units in command.units.values():
        _check_units(units, unit_minor, asset)
    first, last_month = min(command.units), max(command.units)
    event = BaselineSet(
        account=account.code,
        dimension=command.dimension or None,
        asset=asset.code,
        unit_amount=format_amount(unit_minor, asset.scale),
        units=dict(sorted(command.units.items())),
        from_=command.from_ or first_of_month(first),
        to=command.to or last_of_month(last_month),
        version=command.version or last + 1,
        source=command.source,
        author=at.actor,
        person=at.person,
        on_behalf_of=command.on_behalf_of,
        approver=command.approver,
        reference=command.reference,
    )
    return [(new(0), event)]


def approve(books: Books, command: ApproveBaseline, at: At, new: NewStream) -> Decided:
    """Returns the event that approves a baseline which another person proposed.

    Raises BaselineNotFound, AnotherPersonNeeded, ApproverNeeded, BaselineIsApproved.
    """
    found = books.baselines.get(command.baseline)
    if found is None:
        raise BaselineNotFound(baseline=command.baseline)
    authors = persons(found.author, found.person, found.on_behalf_of)
    if found.author is not None and authors & persons(at.actor, at.person, command.on_behalf_of):
        raise AnotherPersonNeeded(author=found.author)
    if found.approver is not None and found.approver not in (at.actor, command.on_behalf_of):
        raise ApproverNeeded(approver=found.approver)
    if found.author is None or found.approval is not None:
        raise BaselineIsApproved(
            account=found.account, version=found.version, approved_by=found.approved_by
        )
    event = BaselineApproved(
        account=found.account,
        dimension=found.dimension,
        version=found.version,
        author=found.author,
        approver=at.actor,
        person=at.person,
        reference=command.reference,
    )
    return [(found.id, event)]


def evolve_set(books: Books, stream: str, event: BaselineSet) -> None:
    """Puts the version beside those before it."""
    baseline = Baseline(
        id=stream,
        account=event.account,
        dimension=event.dimension,
        asset=event.asset,
        unit_amount=event.unit_amount,
        units=event.units,
        from_=event.from_,
        to=event.to,
        version=event.version,
        source=event.source,
        author=event.author,
        person=event.person,
        on_behalf_of=event.on_behalf_of,
        approver=event.approver,
        reference=event.reference,
    )
    books.baselines.put(stream, baseline)


def evolve_approved(books: Books, stream: str, event: BaselineApproved) -> None:
    """Keeps who approved it."""
    proposed = books.baselines.get(stream)
    assert proposed is not None, "what is approved was proposed"
    books.baselines.put(stream, replace(proposed, approval=event.approver))


def about(
    account: str, dimension: dict[str, str] | None
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Returns what the versions of one baseline have in common."""
    return account, tuple(sorted((dimension or {}).items()))


def first_of_month(month: str) -> date:
    """Returns the first day: `"2025-02" -> 2025-02-01`."""
    return date.fromisoformat(f"{month}-01")


def last_of_month(month: str) -> date:
    """Returns the last day: `"2025-02" -> 2025-02-28`."""
    first = first_of_month(month)
    return first.replace(day=monthrange(first.year, first.month)[1])


def first_of_next_month(month: date) -> date:
    """Returns the first day of the month after. Requires that it is not the last of all."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _last_version(
    baselines: Iterable[Baseline], account: str, dimension: dict[str, str] | None
) -> int:
    wanted = about(account, dimension)
    return max((one.version for one in baselines if one.about == wanted), default=0)


def _check_units(units: str, unit_minor: int, asset: Asset) -> None:
    """Raises AmountTooFine, AmountTooLarge."""
    parsed = parse_value(units, scale=UNIT_DECIMALS, asset="units")
    minor, rest = divmod(parsed * unit_minor, SHARES)
    if rest:
        asked = f"{units} x {format_amount(unit_minor, asset.scale)}"
        raise AmountTooFine(asked=asked, scale=asset.scale, asset=asset.code)
    if minor >= LIMIT_MINOR:
        raise AmountTooLarge(asked=format_amount(minor, asset.scale), asset=asset.code)


def _product(units: str, unit_minor: int) -> int:
    return parse_value(units, scale=UNIT_DECIMALS, asset="units") * unit_minor // SHARES
