"""The bench measures what it says: its generator, its measures, its baselines, and a whole run."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import psycopg
import pytest
from rich.console import Console

from interface.bench import baselines, workloads
from interface.bench.figures import BASELINE_A, BASELINE_B, Figures, Result, as_json, compare
from interface.bench.generator import Pace
from interface.bench.load import Progress
from interface.bench.machine import Processes, bench_seconds, busy_seconds, this_machine
from interface.bench.reads import Reads
from interface.bench.report import bars, rendered
from interface.bench.rig import HOST, Rig, RigFailed, embedded_rig, given_rig
from interface.bench.scenario import Terms, disturbed
from interface.bench.steps import Steps
from interface.bench.suite import Suite
from interface.bench.workloads import Workload
from interface.cli.bench import microseconds
from interface.embedded_cluster import Endpoints

SHORT = Terms(
    wallets=40,
    seconds=0.1,
    warm_seconds=0.05,
    ceiling_seconds=0.05,
    baseline_seconds=0.1,
    import_lines=0,
    long_log=0,
    budget_seconds=float("inf"),
)
"""Nothing is measured that says anything: a window stays open until something was answered."""


def test_a_workload_sends_what_it_says(tmp_path: Path) -> None:
    workload = Workload(ledger="l", wallets=30, key="secret", run="0a1b2c3d")
    accounts = workload.accounts_opened()
    assert len(accounts) == 31
    assert sum(unit.transfers for unit in workload.wallets_funded()) == 30

    for unit in (*workload.batches("b")[:2], *workload.hot_batches("h")[:2]):
        body = unit.requests[0].message.partition(b"\r\n\r\n")[2]
        commands = msgspec.json.decode(body)["commands"]
        assert len({command["key"] for command in commands}) == unit.transfers == len(commands)
        for command in commands:
            debit, credit = command["legs"]
            assert debit["account"] != credit["account"]
            assert debit["amount"] == credit["amount"] != "0.00"

    path = tmp_path / "import.ndjson"
    workload.write_import(path, name="i", lines=25_000)
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert len({line["key"] for line in lines}) == 25_000
    assert {line["do"] for line in lines} == {"post"}


def test_the_hot_wallet_is_in_nine_of_ten_transfers() -> None:
    workload = Workload(ledger="l", wallets=10_000, key="secret", run="0a1b2c3d")
    messages = [unit.requests[0].message for unit in workload.hot_batches("h")]
    transfers = sum(message.count(b'"legs"') for message in messages)
    hot = sum(message.count(b"wallets:00000") for message in messages)
    assert 0.88 < hot / transfers < 0.92


def test_ratios_are_to_the_baselines_at_the_same_batch_size() -> None:
    results = [
        Result(name="http_batch_random", rate=60_000, seconds=1, transfers=1),
        Result(name="import", rate=90_000, seconds=1, transfers=1, rows_a_commit=2_000),
        Result(name=BASELINE_A, rate=5_000, seconds=1, transfers=1),
        Result(name=BASELINE_B, rate=100_000, seconds=1, transfers=1),
        Result(name="baseline_b_2000", rate=180_000, seconds=1, transfers=1, rows_a_commit=2_000),
    ]
    compare(results)
    assert [result.ratio_a for result in results] == [12, 18, 1, 20, 36]
    assert [result.ratio_b for result in results] == [0.6, 0.5, 0.05, 1, 1]


def test_without_baselines_there_are_no_ratios() -> None:
    result = Result(name="http_single_1", rate=100, seconds=1, transfers=1)
    compare([result])
    assert (result.ratio_a, result.ratio_b) == (None, None)


def test_the_report_has_every_result_and_every_gap(tmp_path: Path) -> None:
    figures = Figures(
        machine=this_machine(tmp_path),
        postgres="18.4",
        settings={"fsync": "on"},
        service="0.1.0",
        quick=True,
        began_at="2026-03-31T00:00:00+00:00",
        took_seconds=1,
        results=[Result(name="http_single_1", rate=1234, seconds=1, transfers=1, failures=7)],
        skipped={"import": "no time was left"},
    )
    console = Console(width=140, record=True, file=(tmp_path / "report.txt").open("w"))
    console.print(rendered(figures))
    console.file.close()
    text = console.export_text()
    assert "http_single_1" in text
    assert "1,234" in text
    assert "7 failures" in text
    assert "no time was left" in text

    told = msgspec.json.decode(as_json(figures))
    keys = {"name", "rate", "p50_ms", "p99_ms", "ratio_a", "ratio_b"}
    assert keys <= told["results"][0].keys()
    assert told["machine"]["fsync"]["p50_ms"] > 0


def test_bars_where_there_is_no_terminal(tmp_path: Path) -> None:
    with (tmp_path / "bars.txt").open("w") as file, bars(Console(file=file)) as show:
        show.step("import")(Progress(share=0.5, transfers=10))
        show.result(Result(name="import", rate=1234, seconds=1, transfers=1, failures=2))
    assert (tmp_path / "bars.txt").read_text() == "import: 1,234/s, 2 failures\n"


@pytest.mark.parametrize(("text", "value"), [("2ms", 2_000), ("500us", 500), ("0", 0)])
def test_a_commit_delay(text: str, value: int) -> None:
    context = click.Context(click.Command("bench"))
    assert microseconds(context, click.Option(["--commit-delay"]), text) == value


@pytest.mark.parametrize("text", ["2", "ms", "-1ms", "1.5ms", "101ms", "", "٢ms"])
def test_no_commit_delay(text: str) -> None:
    context = click.Context(click.Command("bench"))
    with pytest.raises(click.BadParameter):
        microseconds(context, click.Option(["--commit-delay"]), text)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_what_processes_use() -> None:
    own = Processes(os.getpid())
    before = own.cpu_seconds()
    own.reset_peak()
    resting = own.peak_mib()
    block = bytearray(os.urandom(1) * 60_000_000)
    peak, after = own.peak_mib(), own.cpu_seconds()
    assert before is not None
    assert after is not None
    assert resting is not None
    assert peak is not None
    assert peak >= resting + 50
    assert after >= before > 0
    del block
    own.reset_peak()
    rested = own.peak_mib()
    assert rested is not None
    assert rested < peak - 30


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs /proc")
def test_what_others_use_is_what_the_bench_does_not() -> None:
    before, own_before = busy_seconds(), bench_seconds()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    after, own_after = busy_seconds(), bench_seconds()
    assert before is not None
    assert after is not None
    assert own_after - own_before >= 0.25
    # The clock of /proc/stat ticks a hundred times a second.
    assert after - before >= own_after - own_before - 0.1
    assert disturbed(0.5)
    assert not disturbed(0.01)
    assert not disturbed(None)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with embedded_rig(tmp_path_factory.mktemp("bench")) as rig:
        yield rig


def test_the_usual_ledger(rig: Rig) -> None:
    result = baselines.transfers(rig.owner, pgbench=rig.pgbench, seconds=1)
    assert result.name == BASELINE_A
    assert result.rate > 0
    assert result.p50_ms is not None
    assert result.p99_ms is not None
    assert 0 < result.p50_ms <= result.p99_ms
    assert schemas(rig) == set()


def test_the_ceiling_takes_the_rows_of_a_log(rig: Rig) -> None:
    with psycopg.connect(rig.owner) as connection:
        connection.execute("CREATE SCHEMA a_log")
        connection.execute("CREATE TABLE a_log.head AS SELECT 2500 AS position")
        connection.execute(
            "CREATE TABLE a_log.events AS SELECT number AS notification_id, 'x'::bytea AS state"
            " FROM generate_series(1, 2500) AS number"
        )
    before = rig.wal_bytes()
    result = baselines.copied_rows(rig.owner, log="a_log", rows_a_batch=1_000, seconds=0.3)
    assert result.name == BASELINE_B
    assert result.transfers % 1_000 == 0
    assert result.rate > 0
    assert rig.wal_bytes() > before
    assert schemas(rig) == {"a_log"}
    with pytest.raises(baselines.BaselineFailed):
        baselines.copied_rows(rig.owner, log="a_log", rows_a_batch=5_000, seconds=0.3)


def test_a_delayed_commit_takes_longer_and_is_put_back(rig: Rig) -> None:
    with rig.commit_delay(20_000):
        assert rig.settings()["commit_delay"] == "20000"
        assert rig.settings()["commit_siblings"] == "0"
        result = baselines.transfers(rig.owner, pgbench=rig.pgbench, seconds=1)
    assert result.p50_ms is not None
    assert result.p50_ms >= 20
    assert rig.settings()["commit_delay"] == "0"
    assert rig.settings()["commit_siblings"] == "5"


def schemas(rig: Rig) -> set[str]:
    """Returns the schemas that there are besides PostgreSQL's own."""
    query = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)'"
    with psycopg.connect(rig.owner) as connection:
        return {str(name) for (name,) in connection.execute(query)}


def test_the_services_measured_are_not_told_of_another_database_or_a_limit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "BACKOFFICE_OWNER_DATABASE_URL"):
        monkeypatch.setenv(name, "postgresql://elsewhere/books")
    monkeypatch.setenv("BACKOFFICE_RATE_LIMIT_PER_SECOND", "1")
    monkeypatch.setenv("BACKOFFICE_THREADS", "32")
    environment = rig.environment()
    assert environment["BACKOFFICE_THREADS"] == "32"
    assert "BACKOFFICE_RATE_LIMIT_PER_SECOND" not in environment
    assert not [name for name, text in environment.items() if "elsewhere" in text]


def test_a_given_server_gets_a_database_and_loses_it(postgres: Endpoints) -> None:
    with given_rig(postgres.superuser) as given:
        assert len(databases_of_benches(postgres)) == 1
        assert given.settings()["fsync"] == "on"
        with given.commit_delay(2_000):
            assert given.settings()["commit_delay"] == "2000"
        assert given.settings()["commit_delay"] == "0"
    assert databases_of_benches(postgres) == set()


def test_a_given_server_that_allows_no_database(postgres: Endpoints) -> None:
    with pytest.raises(RigFailed), given_rig(postgres.service):
        pass


def test_a_given_server_that_is_not_there() -> None:
    with pytest.raises(RigFailed), given_rig(f"postgresql://nobody@{HOST}:1/nothing"):
        pass


def databases_of_benches(postgres: Endpoints) -> set[str]:
    query = "SELECT datname FROM pg_database WHERE datname LIKE 'backoffice_bench_%'"
    with psycopg.connect(postgres.superuser) as connection:
        return {str(name) for (name,) in connection.execute(query)}


@pytest.fixture
def little_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenarios as they are, with less in each: the log is just long enough for the baselines."""
    less = {"SINGLES": 300, "BATCHES": 4, "BATCH_COMMANDS": 100, "SETTLEMENTS": 1_500}
    for name, value in less.items():
        monkeypatch.setattr(workloads, name, value)


# The time is that of nine processes of ours starting.
@pytest.mark.long
@pytest.mark.usefixtures("little_load")
def test_all_scenarios_run_and_fail_nowhere(rig: Rig, tmp_path: Path) -> None:
    terms = SHORT._replace(import_lines=1_000, long_log=1_000)
    with (tmp_path / "bars.txt").open("w") as file, bars(Console(file=file)) as show:
        steps = Steps(show=show, budget_seconds=terms.budget_seconds)
        Suite(rig=rig, terms=terms, steps=steps).run()
    compare(steps.results)
    assert steps.skipped == {}
    assert [(result.name, result.examples) for result in steps.results if result.failures] == []
    assert all(result.transfers > 0 for result in steps.results)
    by_name = {result.name: result for result in steps.results}
    assert set(by_name) == {
        "http_single_1",
        "http_single_16",
        "http_single_64",
        "http_single_256",
        "http_pairs",
        "http_batch_random",
        "http_batch_hot",
        "http_batch_pairs",
        "settle_first",
        "settle_10000",
        "four_ledgers",
        "import",
        "one_process",
        "two_processes",
        "baseline_a",
        "baseline_b",
        "baseline_b_2000",
        "preload",
        "http_batch_random_20m",
    }
    for name, result in by_name.items():
        assert result.ratio_a is not None, name
        assert result.ratio_b is not None, name
        notes = [note for note in result.notes if not note.startswith("disturbed")]
        assert notes == [] or name == "preload", name
    assert by_name["two_processes"].ratio_to_one is not None
    assert by_name["settle_10000"].ratio_to_first is not None
    assert by_name["settle_10000"].transfers == by_name["settle_first"].transfers == 100
    assert by_name["preload"].transfers == 1_000
    assert 0 < by_name["import"].transfers <= 1_000, "a slow machine imports fewer"
    assert by_name["http_batch_random"].generator_ceiling


def test_no_scenario_begins_when_the_time_is_over(tmp_path: Path) -> None:
    def measured(_told: object) -> Result:
        raise AssertionError("it began")

    with (tmp_path / "bars.txt").open("w") as file, bars(Console(file=file)) as show:
        steps = Steps(show=show, budget_seconds=0)
        assert steps.measure("import", measured) is None
    assert steps.results == []
    assert steps.skipped == {"import": "no time was left"}


@pytest.mark.long
@pytest.mark.usefixtures("little_load")
def test_what_is_read_is_measured_on_a_history(rig: Rig, tmp_path: Path) -> None:
    with (tmp_path / "bars.txt").open("w") as file, bars(Console(file=file)) as show:
        steps = Steps(show=show, budget_seconds=SHORT.budget_seconds)
        Reads(rig=rig, terms=SHORT, lines=4_000, questions=3, steps=steps).run()
    assert steps.skipped.keys() <= {"ledger_balance"}
    by_name = {result.name: result for result in steps.results}
    assert by_name["history"].transfers == 2_000
    assert by_name["posts_beside_catch_up"].ratio_to_alone is not None
    assert by_name["lag"].failures == 0
    assert by_name["catch_up_lines"].transfers >= 2_000
    asked = {"past_balance", "past_balance_hot", "statement_booking", "statement_effective"}
    assert all(by_name[name].transfers == 3 for name in asked)
    assert by_name["trial_balance_past_position"].p50_ms


def test_a_rate_that_is_offered_is_kept_and_waiting_counts() -> None:
    pace = Pace(10, 100.0)
    assert [round(pace.take(), 3) for _ in range(3)] == [100.0, 100.1, 100.2]
    assert round(pace.wait(100.2), 3) == 0.1
    assert pace.wait(101.0) == 0.0
    always = Pace(0, 100.0)
    assert [always.take(), always.take(), always.wait(100.0)] == [0.0, 0.0, 0.0]
