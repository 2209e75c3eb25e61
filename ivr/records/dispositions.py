"""What operators say calls were: kept, and told to the agencies concerned.

Law 1: the word and its reports are one transaction: what is stored goes out.
Law 2: a call that goes on after its word is told again when it ends, with that word: an agency's
last report of a call is whole.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from ivr.callrecord import CallRecord, Change
from ivr.dispositions import Said
from ivr.messages import said_of
from ivr.records import outbox, schema
from ivr.records.statements import among

_table, _notes, _reports = schema.dispositions, schema.notes, schema.reports


def say(connection: Connection, call: CallRecord, said: Said, informed: Iterable[str]) -> list[str]:
    """Write what a call was, and tell it to whoever knows of the call and to `informed`.

    Return the agencies that are told. `call` is the call's record.
    """
    row = {
        "callref": said.callref,
        "at": said.at,
        "by": said.by,
        "disposition": said.disposition,
        "district": said.district or None,
    }
    connection.execute(_table.insert(), row)
    if said.note:
        note = {"callref": said.callref, "at": said.at, "by": said.by, "text": said.note}
        connection.execute(_notes.insert(), note)
    told = list(dict.fromkeys((*_who_knows(connection, said.callref), *informed)))
    outbox.put_following(connection, [said_of(call, said, told)], said.at)
    return told


def said_last(connection: Connection, callrefs: Sequence[str]) -> dict[str, Said]:
    """Return the last word on each of these calls that has one, with the last note."""
    t, found = _table.c, {}
    columns = (t.callref, t.at, t.by, t.disposition, t.district)
    query = select(*columns).order_by(t.at, t.id)
    for row in among(connection, query, t.callref, callrefs):
        found[row.callref] = Said(
            row.callref, row.at, row.by, row.disposition, row.district or "", ""
        )
    notes = dict[str, str]()
    last = select(_notes.c.callref, _notes.c.text).order_by(_notes.c.at, _notes.c.id)
    for row in among(connection, last, _notes.c.callref, list(found)):
        notes[row.callref] = row.text
    return {
        ref: Said(ref, one.at, one.by, one.disposition, one.district, notes.get(ref, ""))
        for ref, one in found.items()
    }


def tell_ended(connection: Connection, changes: Sequence[Change], at: float) -> None:
    """Tell once more what calls were that have ended since. `at` is now, in seconds UTC."""
    ended = {
        x.after.callref: x.after
        for x in changes
        if x.after.outcome and not (x.before and x.before.outcome == x.after.outcome)
    }
    said = said_last(connection, sorted(ended))
    told = [
        said_of(ended[ref], one, _who_knows(connection, ref)) for ref, one in sorted(said.items())
    ]
    outbox.put_following(connection, told, at)


def _who_knows(connection: Connection, callref: str) -> list[str]:
    query = select(_reports.c.agency).where(_reports.c.callref == callref)
    return list(connection.scalars(query.order_by(_reports.c.made_at, _reports.c.agency)))
