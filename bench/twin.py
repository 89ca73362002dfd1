"""The ceiling: the least that takes a push and writes the rows that Leadline writes of it.

Bare ASGI, one typed decoder, no rule: every lead is voice, scheduled and due at its time; the same five rows go
into the same tables by one statement per micro-batch, over one unique index that decides insert or update.
"""

import asyncio
import sys
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import rphonenumbers
import uvloop

from leadline.web.server import HttpServer, listen, url_of

ZONE = ZoneInfo("Asia/Kolkata")
UNIQUE = """
    drop index lead_number;
    create unique index lead_number on lead (process_id, number_key) where number_key is not null"""
WRITE = """
with written as (
    insert into lead (organisation_id, process_id, media, calltype, asked_calltype, state, mobilenumber, number,
        number_key, leadnumber, crm_key, fname, lname, emailid, call_at, due_at, fields, scheduled_by, events,
        created_at, updated_at)
    select 1, 1, 12, 1001, 1001, 'scheduled', written, e164, e164, leadnumber, leadnumber, fname, lname, emailid,
        due_at, due_at, fields::json, now(), 2, now(), now()
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
        as new(written, e164, leadnumber, fname, lname, emailid, due_at, fields)
    on conflict (process_id, number_key) where number_key is not null
    do update set fname = excluded.fname, lname = excluded.lname, emailid = excluded.emailid,
        due_at = excluded.due_at, fields = excluded.fields, events = lead.events + 2, updated_at = now()
    returning id, due_at, number, events),
due as (
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select 1, id, 'call', 1, 3, due_at from written
    on conflict (organisation_id, lead_id, kind) do update set due_at = excluded.due_at),
told as (
    insert into event (organisation_id, lead_id, opening, seq, at, kind, data)
    select 1, id, 1, events - 1, now(), 'lead.created',
        jsonb_build_object('media', 12, 'calltype', 1001, 'number', number) from written
    union all
    select 1, id, 1, events, now(), 'lead.scheduled', jsonb_build_object('due_at', due_at) from written),
logged as (
    insert into push (organisation_id, process_id, at, transport, requestid, request, counts)
    select 1, 1, now(), 'json', requestid, request::json, counts::jsonb
    from unnest($9::text[], $10::text[], $11::text[]) as p(requestid, request, counts))
select number, id from written"""


class Record(msgspec.Struct, gc=False):
    mobilenumber: str
    leadnumber: str
    fname: str
    lname: str
    emailid: str
    calldatetime: str
    product: str
    remarks: str


class Push(msgspec.Struct):
    method: str
    apikey: str
    servicekey: str
    media: str
    updateparam: str
    reqdatetime: str
    data: list[Record]


REQUEST = '{"media": 12, "updateparam": "mobilenumber", "reqdatetime": "2026-01-01T00:00:00Z"}'
DECODER = msgspec.json.Decoder(Push)
HEADERS = [(b"content-type", b"application/json")]


def read(record: Record) -> tuple[object, ...]:
    number = rphonenumbers.parse(record.mobilenumber, "IN")
    assert rphonenumbers.is_valid_number(number)
    e164 = rphonenumbers.format_number(number, rphonenumbers.PhoneNumberFormat.E164)
    due_at = datetime.fromisoformat(record.calldatetime).replace(tzinfo=ZONE)
    fields = msgspec.json.encode({"product": record.product, "remarks": record.remarks}).decode()
    return (
        record.mobilenumber, e164, record.leadnumber, record.fname, record.lname, record.emailid, due_at, fields
    )  # fmt: skip


class Writer:
    """One batch under way, the next one forming."""

    def __init__(self) -> None:
        self._waiting: list[tuple[list[tuple[object, ...]], str, asyncio.Future[None]]] = []
        self._some = asyncio.Event()

    async def run(self, connection) -> None:
        statement = await connection.prepare(WRITE)
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._waiting = self._waiting, []
            rows = {row[1]: row for rows, _, _ in batch for row in rows}
            counts = [f'{{"created": {len(rows)}}}' for rows, _, _ in batch]
            await statement.fetch(
                *map(list, zip(*rows.values(), strict=True)),
                [requestid for _, requestid, _ in batch],
                [REQUEST] * len(batch),
                counts,
            )
            for _, _, written in batch:
                written.set_result(None)

    async def write(self, rows: list[tuple[object, ...]]) -> str:
        requestid = str(uuid4())
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, requestid, written))
        self._some.set()
        await written
        return requestid


async def serve(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(UNIQUE)
    writer = Writer()
    writing = asyncio.create_task(writer.run(connection))

    async def app(scope, receive, send) -> None:
        assert scope["path"] == "/push"
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        push = DECODER.decode(body)
        requestid = await writer.write([read(record) for record in push.data])
        now = datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        answer = {
            "method": push.method, "resdatetime": now, "statuscode": "001", "status": "001", "statusdesc": "success",
            "requestid": requestid, "counts": {"created": len(push.data)},
        }  # fmt: skip
        content = msgspec.json.encode(answer)
        await send({
            "type": "http.response.start", "status": 200,
            "headers": [*HEADERS, (b"content-length", b"%d" % len(content))],
        })  # fmt: skip
        await send({"type": "http.response.body", "body": content})

    [listening] = listen("127.0.0.1", 0)
    server, url = HttpServer(listening), url_of("127.0.0.1", listening)
    await server.start(app)
    print("ready", url, flush=True)
    await writing


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
