"""Harbor Lane's ledger: the firm, its assets, journals and accounts."""

from collections.abc import Iterator

from interface.demo.entries import Body

CLIENTS = 150

CASH = "assets:cash:operating"
EUROS = "assets:cash:euro"
CLIENT_MONEY = "assets:client_money:bank"
TRADE_RECEIVABLE = "assets:receivables:trade"
INTERCHANGE_RECEIVABLE = "assets:receivables:interchange"
EQUIPMENT = "assets:equipment:office"
DEPRECIATION = "assets:equipment:depreciation"
UNALLOCATED = "liabilities:clients:unallocated"
CLEARING = "liabilities:cards:clearing"
SUPPLIERS = "liabilities:payables:suppliers"
HOUSING_PAYABLE = "liabilities:payroll:housing"
ACCRUALS = "liabilities:accruals"
CAPITAL = "equity:share_capital"
RETAINED = "equity:retained_earnings"
CONVERSION = "equity:conversion"
SERVICES = "revenue:services:bookkeeping"
INTERCHANGE = "revenue:cards:interchange"
FEES = "revenue:wallets:fees"
HOUSING = "expenses:housing:subsidy"
OFFICE = "expenses:premises:office_places"
SALARIES = "expenses:payroll:salaries"
HOSTING = "expenses:technology:hosting"
AUDIT = "expenses:professional:audit"
DEPRECIATION_EXPENSE = "expenses:depreciation"

_TYPES = {
    "assets": "asset",
    "liabilities": "liability",
    "equity": "equity",
    "revenue": "revenue",
    "expenses": "expense",
}

# Code, number, name, statement line, and what else its body says.
_ACCOUNTS: tuple[tuple[str, str, str, str, Body], ...] = (
    (CASH, "1010", "Operating account, Hudson Trust", "Cash and cash equivalents",
     {"purpose": "bank", "current": True, "monetary": True, "cash_flow": "operating"}),
    (EUROS, "1020", "Euro account, Hudson Trust", "Cash and cash equivalents",
     {"asset": "EUR", "purpose": "bank", "current": True, "monetary": True}),
    (CLIENT_MONEY, "1100", "Segregated account for the benefit of clients", "Client money",
     {"floor": "0.00", "purpose": "client_money", "current": True, "monetary": True}),
    (TRADE_RECEIVABLE, "1200", "Customers", "Receivables",
     {"purpose": "control", "current": True, "monetary": True}),
    (INTERCHANGE_RECEIVABLE, "1210", "Interchange receivable", "Receivables",
     {"purpose": "control", "current": True, "monetary": True}),
    (EQUIPMENT, "1510", "Office equipment", "Property and equipment",
     {"current": False, "cash_flow": "investing"}),
    (DEPRECIATION, "1590", "Accumulated depreciation", "Property and equipment",
     {"contra": True, "current": False}),
    (UNALLOCATED, "2190", "Pay-ins not yet allocated", "Owed to clients",
     {"purpose": "suspense", "current": True, "monetary": True}),
    (CLEARING, "2200", "Card network clearing", "Owed to the card network",
     {"purpose": "control", "current": True, "monetary": True}),
    (SUPPLIERS, "2300", "Suppliers", "Trade payables",
     {"purpose": "control", "current": True, "monetary": True}),
    (HOUSING_PAYABLE, "2410", "Housing subsidy payable", "Payroll liabilities",
     {"current": True, "monetary": True}),
    (ACCRUALS, "2500", "Accrued expenses", "Accrued expenses", {"current": True}),
    (CAPITAL, "3010", "Share capital", "Share capital", {"cash_flow": "financing"}),
    (RETAINED, "3200", "Retained earnings", "Retained earnings",
     {"purpose": "retained_earnings"}),
    (CONVERSION, "3900", "Currency conversion", "Retained earnings",
     {"asset": None, "purpose": "conversion"}),
    (SERVICES, "4000", "Bookkeeping for customers", "Revenue", {}),
    (INTERCHANGE, "4010", "Interchange", "Revenue", {}),
    (FEES, "4020", "Wallet fees", "Revenue", {}),
    (HOUSING, "5110", "Housing subsidy for remote accountants", "Personnel", {}),
    (OFFICE, "5210", "Office places", "Premises", {}),
    (SALARIES, "5010", "Salaries", "Personnel", {}),
    (HOSTING, "5310", "Hosting", "Technology", {"asset": None}),
    (AUDIT, "5410", "Audit", "Professional services", {}),
    (DEPRECIATION_EXPENSE, "5510", "Depreciation", "Depreciation", {}),
)  # fmt: skip


def wallet(client: int) -> str:
    """Returns the account of a client, counted from 1."""
    return f"liabilities:clients:wallets:c{client:03}"


def owner(client: int) -> str:
    """Returns the party that a client is."""
    return f"client-{client:03}"


def ledger_body() -> Body:
    """Returns the body of POST ledgers."""
    return {
        "id": "demo",
        "name": "Harbor Lane, the demonstration",
        "functional_asset": "USD",
        "timezone": "America/New_York",
        "fiscal_year_start": "01-01",
        "entity": {
            "legal_name": "Harbor Lane Wallets, Inc.",
            "country": "US",
            "registration_number": "DE-0000000",
            "tax_id": "00-0000000",
            "address": "1 Harbor Lane, Portland, ME 04101",
        },
    }


def setup() -> Iterator[tuple[str, Body]]:
    """Yields what stands before the first command: kind and body, in the order to make them."""
    yield "asset", {"code": "EUR", "kind": "currency"}
    for code, name in (
        ("BANK", "Bank"),
        ("CLIENTS", "Clients' wallets"),
        ("PAY", "Payroll and housing"),
    ):
        yield "journal", {"code": code, "name": name}
    for code, number, name, line, more in _ACCOUNTS:
        body = {
            "code": code,
            "type": _TYPES[code.partition(":")[0]],
            "name": name,
            "number": number,
            "asset": "USD",
            "statement_line": line,
            **more,
        }
        yield "account", {member: value for member, value in body.items() if value is not None}
    for client in range(1, CLIENTS + 1):
        yield (
            "account",
            {
                "code": wallet(client),
                "type": "liability",
                "name": f"Wallet of client {client:03}",
                "asset": "USD",
                "floor": "0.00",
                "owner": owner(client),
                "purpose": "client_money",
                "current": True,
                "monetary": True,
                "statement_line": "Owed to clients",
            },
        )
