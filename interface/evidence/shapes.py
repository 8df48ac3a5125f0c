"""Records as a verifier reads them. Written from docs/evidence-format.md, not from the service's
own types: what both misread, both would call right.

Members that no check looks at are skipped. Every version of an event that was ever released fits.
"""

import msgspec
from msgspec import UNSET, Struct, UnsetType, field


class Envelope(Struct, gc=False):
    """What every record begins with; `payload` as it stands."""

    format: int
    ledger: str
    incarnation: int
    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    recorded_at: str
    actor: str
    on_behalf_of: str | None
    channel: str
    command_id: str | None
    reason: str | None
    payload: msgspec.Raw


class Leg(Struct, gc=False):
    account: str
    side: str
    amount: str
    asset: str
    line: int
    balance: str
    functional_amount: str | None = None
    party: str | None = None
    dimensions: dict[str, str] | None = None
    due_on: str | None = None
    matches: str | None = None
    rate: "RateUsed | None" = None
    relieves: "list[Relief] | None" = None
    opens: "Opening | None" = None
    revalues: "Revalued | None" = None


class RateUsed(Struct, gc=False):
    """The rate by which a leg was valued."""

    base: str
    quote: str
    kind: str
    rate: str
    effective_on: str
    source: str | None = None


class Relief(Struct, gc=False):
    """What a leg takes off the item that the line opened."""

    line: int
    amount: str
    functional_amount: str


class Opening(Struct, gc=False):
    """What a leg leaves open, under its own line or another."""

    amount: str
    functional_amount: str
    line: int | None = None


class Revalued(Struct, gc=False):
    """What an account held and what that was worth, before it was revalued."""

    balance: str
    functional_amount: str


class RateRecorded(Struct):
    base: str
    quote: str
    kind: str
    rate: str
    effective_on: str
    source: str | None = None
    replaces: str | None = None


class Revaluation(Struct):
    """RevaluationAsked, RevaluationPosted, RevaluationAbandoned."""

    effective_on: str | None = None
    known_position: int | None = None
    entries: list[str] | None = None
    code: str | None = None
    detail: str | None = None


class LimitUse(Struct, gc=False):
    """What something takes of a limit in the period that begins on a day."""

    limit: str
    starts_on: str
    amount: str
    count: int = 0


class LimitSet(Struct, omit_defaults=True):
    """LimitSet and LimitLifted."""

    account: str
    limit_id: str
    per: str
    asset: str
    amount: str | None = None
    count: int | None = None


class Named(Struct, gc=False):
    """A document, by its number; a source, by its system."""

    number: str | None = None
    system: str | None = None


class Entry(Struct, gc=False):
    journal: str
    voucher_no: int
    fiscal_year: int
    effective_on: str
    legs: list[Leg]
    class_: str = field(default="ordinary", name="class")
    reference: str | None = None
    document: Named | None = None
    source: Named | None = None
    authorization: str | None = None
    corrects: str | None = None
    correction: str | None = None
    limits: list[LimitUse] | None = None
    reverse_on: str | None = None


class Mark(Struct):
    """EntryReversed and EntryAdjusted."""

    reversal: str
    replacement: str | None = None


class Hold(Struct, gc=False):
    debit: str
    credit: str
    asset: str
    authorized: str
    settled: str
    held: str
    refunded: str = "0"
    charged_back: str = "0"
    represented: str = "0"
    expires_at: str | None = None
    closed_as: str | None = None
    limits: list[LimitUse] | None = None


class Network(Struct, gc=False):
    """What a payment network calls it."""

    scheme: str | None = None
    reference: str | None = None


class Held(Struct, gc=False):
    """Every event of an authorization."""

    amount: str
    authorization: Hold
    released: str | None = None
    entry: str | None = None
    network: Network | None = None


class Refused(Struct):
    """CommandRefused."""

    do: str
    code: str
    facts: dict[str, str | int | bool | None]


class LedgerCreated(Struct):
    id: str
    name: str
    functional_asset: str
    timezone: str
    fiscal_year_start: str
    entity: dict[str, str] | None = None


class BooksLocked(Struct):
    through: str
    before: str | None = None


class PeriodEvent(Struct):
    """Every event of a period: PeriodSoftClosed, PeriodClosing, PeriodClosed, CloseAbandoned,
    PeriodReopenAsked, PeriodReopened, PeriodFiled."""

    period: str
    first_on: str = ""
    last_on: str = ""
    through: str = ""
    before: str | None = None
    position: int = 0
    digest: str = ""
    entries: list[str] | None = None
    why: str | None = None
    detail: str | None = None
    asked_by: str | None = None
    confirmed_by: str | None = None
    person: str | None = None
    on_behalf_of: str | None = None
    closed_through: str | None = None
    soft_closed_through: str | None = None


class AssetRegistered(Struct):
    code: str
    scale: int
    kind: str


class JournalOpened(Struct):
    code: str
    name: str


class BaselineSet(Struct, omit_defaults=True):
    account: str
    asset: str
    unit_amount: str
    units: dict[str, str]
    from_: str = field(name="from")
    to: str
    version: int
    source: str
    author: str | None = None
    person: str | None = None
    on_behalf_of: str | None = None
    approver: str | None = None
    dimension: dict[str, str] | None = None
    reference: str | None = None


class BaselineApproved(Struct):
    account: str
    version: int
    author: str
    approver: str
    person: str | None = None
    dimension: dict[str, str] | None = None


class AccountOpened(Struct, omit_defaults=True):
    code: str
    type: str
    name: str
    asset: str | None = None
    floor: str | None = None
    contra: bool = False
    postable: bool = True
    number: str | None = None
    purpose: str | None = None
    monetary: bool | None = None
    cash_flow: str | None = None
    current: bool | None = None
    statement_line: str | None = None
    statutory_codes: dict[str, str] | None = None
    owner: str | None = None


class AccountAmended(Struct):
    account: str
    type: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    asset: str | UnsetType | None = UNSET
    floor: str | UnsetType | None = UNSET
    contra: bool | UnsetType = UNSET
    postable: bool | UnsetType = UNSET
    number: str | UnsetType | None = UNSET
    purpose: str | UnsetType | None = UNSET
    monetary: bool | UnsetType | None = UNSET
    cash_flow: str | UnsetType | None = UNSET
    current: bool | UnsetType | None = UNSET
    statement_line: str | UnsetType | None = UNSET
    statutory_codes: dict[str, str] | UnsetType | None = UNSET
    owner: str | UnsetType | None = UNSET


class AccountEvent(Struct):
    """AccountClosed, and what freezes have in common with it."""

    account: str


class Stated(Struct):
    """AccountStated: what was certified of an account in an asset."""

    account: str
    asset: str
    lines: int
    balance: str


class Frozen(Struct, omit_defaults=True):
    account: str
    freeze_id: str
    scope: str = ""
    basis: str = ""
    amount: str | None = None
    authority_reference: str | None = None


class LogKey(Struct):
    """SigningKeyAdded, SigningKeyRetired, WitnessAdded, LedgerContinued."""

    verifier_key: str
    origin: str | None = None
    old_incarnation: int | None = None
    old_origin: str | None = None
    old_size: int | None = None
    old_root: str | None = None


class ApiKey(Struct):
    key_id: str
    key_sha256: str = ""
    actor: str = ""
    roles: list[str] = field(default_factory=list)
    ledger: str | None = None
    network_feed: bool = False


class Actor(Struct):
    actor: str
    kind: str
    owner: str | None = None


class Listed(Struct):
    id: str


class Texts(Struct, gc=False):
    """Of any event: the digest of the texts that came with it; the stream whose texts it erases."""

    private: str | None = None
    erased: str | None = None


decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_texts = msgspec.json.Decoder(Texts).decode
