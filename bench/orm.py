"""The rival that most would write: FastAPI, pydantic, one SQLAlchemy session per request, objects added and committed.

It writes the rows that Leadline writes and looks for the update key first; two pushes at once may still make two
leads, since nothing here holds the key.
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import phonenumbers
import uvloop
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import BigInteger, DateTime, Identity, Integer, SmallInteger, select
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from leadline.web.server import HttpServer, listen, url_of

ZONE = ZoneInfo("Asia/Kolkata")


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), int: Integer}  # noqa: RUF012  (SQLAlchemy's way)


class Lead(Base):
    __tablename__ = "lead"
    organisation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    process_id: Mapped[int]
    media: Mapped[int] = mapped_column(SmallInteger)
    calltype: Mapped[int] = mapped_column(SmallInteger)
    asked_calltype: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    mobilenumber: Mapped[str]
    number: Mapped[str]
    number_key: Mapped[str]
    leadnumber: Mapped[str | None]
    crm_key: Mapped[str | None]
    fname: Mapped[str | None]
    lname: Mapped[str | None]
    emailid: Mapped[str | None]
    call_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    fields: Mapped[Any] = mapped_column(JSON)
    scheduled_by: Mapped[datetime]
    events: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Due(Base):
    __tablename__ = "due"
    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    process_id: Mapped[int]
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime]


class Event(Base):
    __tablename__ = "event"
    organisation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    lead_id: Mapped[int] = mapped_column(BigInteger)
    opening: Mapped[int]
    seq: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    data: Mapped[Any] = mapped_column(JSONB)


class PushLog(Base):
    __tablename__ = "push"
    organisation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    process_id: Mapped[int]
    at: Mapped[datetime]
    transport: Mapped[str]
    requestid: Mapped[str | None]
    counts: Mapped[Any] = mapped_column(JSONB)


class Record(BaseModel):
    mobilenumber: str
    leadnumber: str
    fname: str
    lname: str
    emailid: str
    calldatetime: datetime
    product: str
    remarks: str


class Push(BaseModel):
    method: str
    apikey: str
    servicekey: str
    media: int
    updateparam: str
    reqdatetime: datetime
    data: list[Record]


def application(dsn: str) -> FastAPI:
    app = FastAPI()
    sessions = async_sessionmaker(create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://")))

    @app.post("/push")
    async def push(push: Push) -> dict[str, Any]:
        now = datetime.now(UTC)
        requestid = str(uuid4())
        counts = {"created": 0, "updated": 0}
        async with sessions() as session:
            for record in push.data:
                number = phonenumbers.parse(record.mobilenumber, "IN")
                if not phonenumbers.is_valid_number(number):
                    raise HTTPException(422, "no valid number")
                e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
                lead = await session.scalar(select(Lead).where(Lead.process_id == 1, Lead.number_key == e164))
                due_at = record.calldatetime.replace(tzinfo=ZONE)
                kept = {"product": record.product, "remarks": record.remarks}
                own = record.model_dump(include={"leadnumber", "fname", "lname", "emailid"})
                changing = {**own, "call_at": due_at, "due_at": due_at, "fields": kept, "updated_at": now}
                if lead is None:
                    lead = Lead(
                        organisation_id=1, process_id=1, media=push.media, calltype=1001, asked_calltype=1001,
                        state="scheduled", mobilenumber=record.mobilenumber, number=e164, number_key=e164,
                        crm_key=record.leadnumber, scheduled_by=now, events=0, created_at=now, **changing,
                    )  # fmt: skip
                    session.add(lead)
                    await session.flush()
                    session.add(
                        Due(organisation_id=1, lead_id=lead.id, kind="call", process_id=1, priority=3, due_at=due_at)
                    )
                    kind, data = "lead.created", {"media": push.media, "calltype": 1001, "number": e164}
                    counts["created"] += 1
                else:
                    for name, value in changing.items():
                        setattr(lead, name, value)
                    kind, data = "lead.updated", {"changed": sorted(own)}
                    counts["updated"] += 1
                for what, told in ((kind, data), ("lead.scheduled", {"due_at": due_at.isoformat()})):
                    lead.events += 1
                    session.add(
                        Event(
                            organisation_id=1, lead_id=lead.id, opening=1, seq=lead.events, at=now, kind=what, data=told
                        )
                    )
            session.add(
                PushLog(organisation_id=1, process_id=1, at=now, transport="json", requestid=requestid, counts=counts)
            )
            await session.commit()
        return {
            "method": push.method, "resdatetime": f"{now:%Y-%m-%d %H:%M:%S}", "statuscode": "001", "status": "001",
            "statusdesc": "success", "requestid": requestid, "counts": counts,
        }  # fmt: skip

    return app


async def serve(dsn: str) -> None:
    [listening] = listen("127.0.0.1", 0)
    server, url = HttpServer(listening), url_of("127.0.0.1", listening)
    await server.start(application(dsn))
    print("ready", url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
