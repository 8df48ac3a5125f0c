"""Batches: whoever asks, and however far was read ahead, they are what the log says."""

import random
from contextlib import closing
from functools import partial

from application.store import schema_of
from projections.batches import Batches, Span, read_events, read_head
from projections.runner import connect, enter
from projections.showing import VIEWS
from tests.application.office import Office
from tests.projections.history import live, prepare

TOPICS = sorted({topic for view in VIEWS for topic in view.topics})
SIZE = 5


def test_batches_are_shared_and_read_ahead(own_office: Office) -> None:
    prepare(own_office)
    live(own_office, random.Random(1), 20)
    schema = schema_of(own_office.ledger)
    session = partial(connect, own_office.database.service)
    with closing(session()) as connection, Batches(TOPICS, session=session) as batches:
        enter(connection, schema)
        head = read_head(connection)
        found = []
        for after in range(0, head, SIZE):
            span = Span(schema, after, min(head, after + SIZE))
            events = batches.read(connection, span, head=head)
            assert batches.read(connection, span, head=head) is events
            found += events
        whole = read_events(connection, Span(schema, 0, head), topics=TOPICS)
        assert found == whole
        assert {topic for _, _, topic in whole} > {"EntryPosted"}
        # Not what lies ahead of the last one that was read.
        batches.read(connection, Span(schema, 0, SIZE), head=head)
        other = Span(schema, 2 * SIZE, 3 * SIZE)
        assert batches.read(connection, other, head=head) == [
            event for event in whole if 2 * SIZE < event[0] <= 3 * SIZE
        ]
