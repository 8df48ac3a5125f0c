"""A writer's session: it is lost by one that has stopped, not by one that decides for long."""

import pytest

from application import sessions
from application.sessions import WriterConnection, connect_writer
from tests.application.office import Office, transfer


def test_who_has_been_silent_says_a_word(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bytes] = []
    ask_plainly = WriterConnection.ask_plainly

    def heard(connection: WriterConnection, query: bytes) -> object:
        said.append(query)
        return ask_plainly(connection, query)

    monkeypatch.setattr(WriterConnection, "ask_plainly", heard)
    monkeypatch.setattr(sessions, "SILENCE_SECONDS", 1e9)
    with connect_writer(office.database.service) as connection:
        connection.keep_alive()
        connection.keep_alive()
    assert said == [b"SELECT 1"]
    # In a commit, before each command.
    monkeypatch.setattr(sessions, "SILENCE_SECONDS", 0.0)
    chart = office.chart()
    del said[:]
    cent = transfer(chart.wallet, chart.merchant, "0.01")
    for send in (office.group, office.all):
        assert {outcome.code for outcome in send(cent, cent, cent)} == {None}
        assert said == [*[b"SELECT 1"] * 3, b"COMMIT"]
        del said[:]
