-- What is about a thing and stands in none of its streams: the audit trail looks for its id in them.
CREATE INDEX events_about ON events (notification_id)
    WHERE topic IN ('CommandRefused', 'PrivateTextErased');
