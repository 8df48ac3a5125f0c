"""Commands on accounts, ledgers and keys, and all that can be wrong with each."""

from datetime import timedelta
from typing import Any

from domain.access import IssueKey, ListLedger, RecordActor, RevokeKey
from domain.accounts import (
    CloseAccount,
    OpenAccount,
)
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.baselines import ApproveBaseline, SetBaseline
from domain.erasures import EraseAccountTexts, EraseEventTexts
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.journals import OpenJournal
from domain.ledgers import CreateLedger, LockBooks
from domain.limits import SetLimit
from domain.signing_keys import AddSigningKey, AddWitness, ContinueLedger, RetireSigningKey
from domain.statements import StateAccount
from tests.domain.faults import (
    AMOUNTS,
    CLOSED,
    FROZEN,
    ID_TAKEN,
    LEGS,
    NOT_FOUND,
    PERIOD,
    TERMINAL,
    Good,
    after,
    after_the_first,
    fault,
    sets,
)
from tests.domain.harness import (
    LEDGER,
    TODAY,
    Hand,
    account,
    given,
    ledger,
    transfer,
)

LOCKED_ON = TODAY - timedelta(days=20)
IN_FUTURE = TODAY + timedelta(days=30)
LOCK = LockBooks(through=TODAY - timedelta(days=10))
TOO_LARGE = "10000000000000000.00"


OPEN_ACCOUNT = Good(
    OpenAccount,
    ledger,
    [],
    {"code": "fresh", "type": "asset", "name": "Fresh", "asset": "USD"},
    [],
    [
        fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
        fault("already_exists", ID_TAKEN, sets(code="cash")),
        fault("asset_not_allowed", LEGS, sets(asset=None, floor="0.00"), touches="asset floor"),
        fault("amount_too_fine", AMOUNTS, sets(floor="0.001"), touches="floor"),
        fault("amount_too_large", AMOUNTS, sets(floor=TOO_LARGE), touches="floor"),
    ],
)

OLD: list[Any] = [account("old")]
USED = after_the_first(1, transfer("old", "income", "1.00"), transfer("income", "old", "1.00"))
BALANCE_LEFT = after_the_first(1, transfer("old", "income", "1.00"))

AMEND_ACCOUNT = Good(
    AmendAccount,
    ledger,
    OLD,
    {"account": "old", "name": "New"},
    [],
    [
        fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
        fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
        fault("stale", None, sets(expected_version=7)),
        fault("account_closed", CLOSED, after(CloseAccount(account="old"))),
        fault("account_in_use", TERMINAL, USED, sets(contra=True)),
        fault("account_in_use", TERMINAL, USED, sets(type="expense")),
        fault("account_in_use", TERMINAL, USED, sets(asset="EUR"), touches="asset"),
        fault("account_in_use", TERMINAL, USED, sets(asset=None), touches="asset floor"),
        fault("asset_not_allowed", LEGS, sets(asset=None, floor="1.00"), touches="asset floor"),
        fault("amount_too_fine", AMOUNTS, sets(floor="0.001"), touches="floor"),
        fault("amount_too_large", AMOUNTS, sets(floor=TOO_LARGE), touches="floor"),
    ],
)

ERASE_ACCOUNT = Good(
    EraseAccountTexts,
    ledger,
    OLD,
    {"account": "old"},
    [],
    [fault("account_not_found", NOT_FOUND, sets(account="nowhere"))],
)

ERASE_EVENT = Good(
    EraseEventTexts,
    ledger,
    [],
    {"event": "1"},
    [],
    [fault("not_found", NOT_FOUND, sets(event="999"))],
)

CLOSE_ACCOUNT = Good(
    CloseAccount,
    ledger,
    OLD,
    {"account": "old"},
    [],
    [
        fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
        fault("stale", None, sets(expected_version=7)),
        fault("account_frozen", FROZEN, after(FreezeAccount(account="old")), touches="status"),
        fault(
            "account_closed", CLOSED, after(CloseAccount(account="old")), touches="status balance"
        ),
        fault("account_in_use", TERMINAL, BALANCE_LEFT, touches="balance"),
        fault(
            "account_in_use",
            TERMINAL,
            after_the_first(1, FreezeAccount(account="old", amount="1.00")),
            touches="status balance",
        ),
    ],
)

STANDING: list[Any] = [account("old"), FreezeAccount(account="old")]

SIGNED: list[Any] = [AddSigningKey(origin="log.example/acme", verifier_key="first")]

BASELINE: dict[str, Any] = {
    "account": "old",
    "unit_amount": "1000.00",
    "units": {"2025-01": "2"},
    "source": "Lease",
    "approver": "grace",
}

CHART_CHANGES = [
    OPEN_ACCOUNT,
    AMEND_ACCOUNT,
    CLOSE_ACCOUNT,
    ERASE_ACCOUNT,
    ERASE_EVENT,
    Good(
        FreezeAccount,
        ledger,
        OLD,
        {"account": "old"},
        [],
        [
            fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
            fault("account_closed", CLOSED, after(CloseAccount(account="old"))),
            fault(
                "asset_not_allowed",
                LEGS,
                after_the_first(1, AmendAccount(account="old", asset=None)),
                sets(amount="1.00"),
                touches="amount",
            ),
            fault("amount_not_positive", AMOUNTS, sets(amount="0.00"), touches="amount"),
            fault("amount_too_fine", AMOUNTS, sets(amount="0.001"), touches="amount"),
            fault("amount_too_large", AMOUNTS, sets(amount=TOO_LARGE), touches="amount"),
        ],
    ),
    Good(
        StateAccount,
        ledger,
        OLD,
        {"account": "old", "asset": "USD"},
        [],
        [
            fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
            fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
            fault("asset_not_allowed", LEGS, sets(asset="EUR"), touches="asset"),
        ],
    ),
    Good(
        SetLimit,
        ledger,
        OLD,
        {"account": "old", "per": "day", "amount": "5.00", "count": 3},
        [],
        [
            fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
            fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
            fault("not_found", NOT_FOUND, sets(amount=None, count=None), touches="amount"),
            fault("account_closed", CLOSED, after(CloseAccount(account="old"))),
            fault("asset_not_allowed", LEGS, sets(asset="EUR"), touches="asset"),
            fault(
                "asset_not_allowed",
                LEGS,
                after_the_first(1, AmendAccount(account="old", asset=None)),
                touches="asset",
            ),
            fault("amount_too_fine", AMOUNTS, sets(amount="0.001"), touches="amount"),
            fault("amount_too_large", AMOUNTS, sets(amount=TOO_LARGE), touches="amount"),
        ],
    ),
    Good(
        SetBaseline,
        ledger,
        OLD,
        BASELINE,
        [],
        [
            fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
            fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
            fault("already_exists", ID_TAKEN, after(SetBaseline(**BASELINE)), sets(version=1)),
            fault("asset_not_allowed", LEGS, sets(asset="EUR"), touches="asset"),
            fault("amount_not_positive", AMOUNTS, sets(unit_amount="0.00"), touches="amount"),
            fault("amount_too_fine", AMOUNTS, sets(unit_amount="0.001"), touches="amount"),
            fault("amount_too_fine", AMOUNTS, sets(units={"2025-01": "0.00001"}), touches="units"),
            fault("amount_too_large", AMOUNTS, sets(unit_amount=TOO_LARGE), touches="amount"),
            fault("amount_too_large", AMOUNTS, sets(units={"2025-01": "9" * 16}), touches="units"),
        ],
    ),
    Good(
        ApproveBaseline,
        ledger,
        [*OLD, SetBaseline(**BASELINE), Hand("grace", "controller")],
        {"baseline": "g14"},
        [],
        [
            fault("not_found", NOT_FOUND, sets(baseline="g1")),
            fault("already_exists", TERMINAL, after(ApproveBaseline(baseline="g14"))),
        ],
    ),
    Good(
        UnfreezeAccount,
        ledger,
        STANDING,
        {"account": "old"},
        [],
        [
            fault("account_not_found", NOT_FOUND, sets(account="nowhere")),
            fault("freeze_not_found", NOT_FOUND, after(UnfreezeAccount(account="old"))),
            fault("freeze_not_found", NOT_FOUND, sets(freeze_id="other")),
            fault("freeze_not_found", NOT_FOUND, after(FreezeAccount(account="old"))),
        ],
    ),
    Good(
        LockBooks,
        ledger,
        [],
        {"through": TODAY - timedelta(days=10)},
        [],
        [
            fault("period_closed", PERIOD, after(LOCK)),
            fault("effective_in_future", PERIOD, sets(through=TODAY + timedelta(days=1))),
        ],
    ),
    Good(
        CreateLedger,
        given(),
        [],
        {"id": "x", "name": "X", "functional_asset": "USD", "timezone": "UTC"},
        [],
        [fault("already_exists", ID_TAKEN, after(LEDGER))],
    ),
    Good(
        RegisterAsset,
        ledger,
        [],
        {"code": "XAU"},
        [],
        [fault("already_exists", ID_TAKEN, sets(code="EUR"))],
    ),
    Good(
        OpenJournal,
        ledger,
        [],
        {"code": "SALES", "name": "Sales"},
        [],
        [fault("already_exists", ID_TAKEN, sets(code="GEN"))],
    ),
    Good(
        ListLedger,
        given(),
        [],
        {"id": "acme"},
        [],
        [fault("already_exists", ID_TAKEN, after(ListLedger(id="acme")))],
    ),
    Good(
        RecordActor,
        given(),
        [],
        {"actor": "ann"},
        [],
        [fault("already_exists", ID_TAKEN, after(RecordActor(actor="ann")))],
    ),
    Good(
        IssueKey,
        given(),
        [RecordActor(actor="ann")],
        {"key_id": "k", "key_sha256": "ab", "actor": "ann", "roles": ["clerk"]},
        [],
        [
            fault("not_found", NOT_FOUND, sets(actor="bob")),
            fault(
                "already_exists",
                ID_TAKEN,
                after(IssueKey(key_id="k", key_sha256="cd", actor="ann", roles=["clerk"])),
            ),
        ],
    ),
    Good(
        RevokeKey,
        given(),
        [
            RecordActor(actor="ann"),
            IssueKey(key_id="k", key_sha256="ab", actor="ann", roles=["clerk"]),
        ],
        {"key_id": "k"},
        [],
        [
            fault("not_found", NOT_FOUND, sets(key_id="other")),
            fault("not_found", NOT_FOUND, after(RevokeKey(key_id="k"))),
        ],
    ),
    Good(
        AddSigningKey,
        ledger,
        SIGNED,
        {"origin": "log.example/acme", "verifier_key": "second"},
        [],
        [fault("already_exists", ID_TAKEN, sets(verifier_key="first"))],
    ),
    Good(
        RetireSigningKey,
        ledger,
        [*SIGNED, AddSigningKey(origin="log.example/acme", verifier_key="second")],
        {"verifier_key": "first"},
        [],
        [
            fault("not_found", NOT_FOUND, sets(verifier_key="other")),
            fault("not_found", NOT_FOUND, after(RetireSigningKey(verifier_key="second"))),
        ],
    ),
    Good(
        AddWitness,
        ledger,
        [],
        {"verifier_key": "witness"},
        [],
        [fault("already_exists", ID_TAKEN, after(AddWitness(verifier_key="witness")))],
    ),
    Good(
        ContinueLedger,
        ledger,
        SIGNED,
        {
            "origin": "log.example/acme-2",
            "verifier_key": "second",
            "old_size": 7,
            "old_root": "ab" * 32,
        },
        [],
        [],
    ),
]
