"""Who did what, to whom or to what: rows that are written and never changed."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from ivr.records import schema


def note(
    connection: Connection, at: float, who: str, what: str, subjects: Sequence[str], **words: str
) -> None:
    """Write a row for each subject; `words` are kept as JSON. `at` is in seconds UTC."""
    text = json.dumps(words, ensure_ascii=False, sort_keys=True)
    rows = [
        {"at": at, "who": who, "what": what, "subject": subject, "words": text}
        for subject in subjects
    ]
    if rows:
        connection.execute(schema.audit.insert(), rows)
