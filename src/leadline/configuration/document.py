"""The shape of the configuration file: which keys there are, what each may hold, and its default.

Keys whose shape comes with their effect are `Any` here; `not_yet.py` refuses them.
"""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from leadline.configuration.base import Document
from leadline.configuration.calling_hours import CallingHoursDocument
from leadline.configuration.flows import FlowDocument, Texts
from leadline.configuration.rules import EachOnce, HolidayEntry, LimitsDocument, ScheduleDocument
from leadline.configuration.values import (
    Address,
    ApiKey,
    CallerId,
    CallTypeNumber,
    Count,
    Day,
    DirectionWord,
    Duration,
    Endpoint,
    Host,
    Language,
    Login,
    ModeWord,
    Name,
    NumberPrefix,
    Phone,
    PortRange,
    Prefix,
    Region,
    Secret,
    Share,
    Text,
    TimeZone,
    TrunkUri,
    between,
)
from leadline.domain.policy import (
    AgentRules,
    Direction,
    Fallback,
    FieldRule,
    Mode,
    PacingRules,
    RetryPolicy,
    RetryRule,
    SpeechChoice,
    TrunkPolicy,
)
from leadline.domain.value import LONGEST_TEXT
from leadline.domain.vendor import REOPENING

_T = TypeVar("_T")
_TRUNK = TrunkPolicy(name="", uri="")
_RETRY = RetryPolicy()
_AGENTS = AgentRules()
Soon = Annotated[Duration, between("0s", "365d")]
Codec = Literal["pcma", "pcmu"]
_CODECS: Final[tuple[Codec, ...]] = ("pcma", "pcmu")
MOST_ABANDONED: Final = 0.1
Costly = Literal["premium_rate", "shared_cost", "satellite"]


def _none_listed(value: object) -> object:
    """A key with nothing under it is an empty list: its entries are commented out."""
    return [] if value is None else value


Rows = Annotated[list[_T], BeforeValidator(_none_listed)]


class SipDocument(Document):
    """`sip`: where the embedded engine listens, what it says of itself, which ports carry audio."""

    listen: Address = ("127.0.0.1", 0)
    external_address: Host | None = None
    rtp_ports: PortRange = (30_000, 39_999)


class TtsDocument(Document):
    """`subscriptions.tts`: speech may be made up to the end of this day."""

    until: Day


class SubscriptionsDocument(Document):
    """`subscriptions`: what an organisation has taken."""

    tts: TtsDocument | None = None


class UserDocument(Document):
    """`users`: somebody of the organisation, whom a lead may be given to."""

    login: Login
    name: Name | None = None
    role: Literal["agent", "supervisor", "admin"] = "agent"
    password: Any = None
    endpoint: Endpoint | None = None


class SpeechDocument(Document):
    """`speech`: in which language a process speaks where a lead has none of its own, and in which voice."""

    language: Language = SpeechChoice().language
    voice: Name | None = None
    engine: Any = None
    on_event: Any = None
    url: Any = None
    secret: Any = None
    timeout: Any = None


class RetryRuleDocument(Document):
    """One rule of `retry`; what it leaves out is as it is by default."""

    after: Soon | None = None
    times: Annotated[int, Field(ge=0, le=1_000)] | None = None

    def rule(self, default: RetryRule) -> RetryRule:
        return RetryRule(
            default.after if self.after is None else self.after, default.times if self.times is None else self.times
        )


class RetryDocument(Document):
    """`retry`: what follows each outcome; `null` is never again."""

    busy: RetryRuleDocument | None = RetryRuleDocument()
    no_answer: RetryRuleDocument | None = RetryRuleDocument()
    failed: RetryRuleDocument | None = RetryRuleDocument()
    unknown: RetryRuleDocument | None = None
    max_attempts: Annotated[int, Field(ge=1, le=1_000)] = _RETRY.max_attempts

    def policy(self) -> RetryPolicy:
        def rule(document: RetryRuleDocument | None, default: RetryRule | None) -> RetryRule | None:
            return None if document is None else document.rule(default or RetryRule(timedelta(minutes=5), 1))

        return RetryPolicy(
            rule(self.busy, _RETRY.busy),
            rule(self.no_answer, _RETRY.no_answer),
            rule(self.failed, _RETRY.failed),
            rule(self.unknown, _RETRY.unknown),
            self.max_attempts,
        )


class FieldDocument(Document):
    """`fields`: what is checked of a node of the process's records."""

    name: Name
    type: Literal["text", "number", "date", "email", "phone"] = "text"
    label: Name | None = None
    required: bool = False
    max_length: Annotated[int, Field(ge=1, le=LONGEST_TEXT)] | None = None

    def rule(self) -> FieldRule:
        return FieldRule(self.name, self.type, self.label, self.required, self.max_length)


class AgentRulesDocument(Document):
    """`agents`: how a process works with its agents."""

    offer_timeout: Annotated[Duration, between("1s", "1h")] = _AGENTS.offer_timeout
    wrap_up: Annotated[Duration, between("0s", "1h")] = _AGENTS.wrap_up
    callback_grace: Annotated[Duration, between("0s", "7d")] = _AGENTS.callback_grace
    callback_fallback: Literal["wait", "any", "supervisor"] = "wait"

    def rules(self) -> AgentRules:
        return AgentRules(self.offer_timeout, self.wrap_up, self.callback_grace, Fallback(self.callback_fallback))


def _lawful(cap: float) -> float:
    if cap > MOST_ABANDONED:
        raise ValueError(f"must be at most {MOST_ABANDONED:.0%}; the law asks for 3% in the USA and 5% in Canada")
    return cap


class PacingDocument(Document):
    """`pacing`: what a customer hears whom nobody speaks to in time, and how many may come to that."""

    abandoned_message: Texts | None = None
    abandonment_cap: Annotated[Share, AfterValidator(_lawful)] = PacingRules().abandonment_cap


class ProcessDocument(Document):
    """`processes`: a campaign."""

    servicekey: Name
    direction: DirectionWord = Direction.OUTBOUND
    region: Region | None = None
    mode: ModeWord = Mode.MESSAGE
    crm_unique_field: Name = "leadnumber"
    users: Rows[Login] = Field(default_factory=list)
    flow: Text | None = None
    speech: SpeechDocument | None = None
    trunks: Annotated[list[Text], Field(min_length=1)] | None = None
    caller_id: CallerId | None = None
    calling_hours: CallingHoursDocument | None = CallingHoursDocument()
    holidays: Annotated[Rows[HolidayEntry], EachOnce] = Field(default_factory=list)
    schedule: ScheduleDocument | None = None
    limits: LimitsDocument = LimitsDocument()
    retry: RetryDocument = RetryDocument()
    reopen: Rows[CallTypeNumber] = Field(default_factory=lambda: [int(calltype) for calltype in REOPENING])
    ring_timeout: Annotated[Duration, between("1s", "5m")] = timedelta(seconds=30)
    agents: AgentRulesDocument = AgentRulesDocument()
    pacing: PacingDocument | None = None
    fields: Rows[FieldDocument] = Field(default_factory=list)
    dids: Any = None
    webhooks: Any = None


class OrganisationDocument(Document):
    """`organisations`: a company that pushes."""

    name: Name
    apikey: ApiKey
    timezone: TimeZone = "UTC"
    lenient_json: bool = False
    subscriptions: SubscriptionsDocument = SubscriptionsDocument()
    users: Rows[UserDocument] = Field(default_factory=list)
    do_not_call: Rows[Phone] = Field(default_factory=list)
    processes: Rows[ProcessDocument] = Field(default_factory=list)


class PrefixDocument(Document):
    """`prefix`: how a trunk wants numbers written; without `international` none abroad is dialed."""

    international: Prefix | None = None
    national: Prefix | None = None
    home_region: Region | None = None


class TrunkDocument(Document):
    """`trunks`: a way out."""

    name: Name
    uri: TrunkUri
    username: Text | None = None
    password: Secret | None = None
    transport: Literal["udp", "tcp"] = "udp"
    codecs: Annotated[list[Codec], Field(min_length=1)] = Field(default_factory=lambda: list(_CODECS))
    prefix: PrefixDocument | None = None
    numbers: Rows[NumberPrefix] = Field(default_factory=list)
    number_types: Rows[Costly] = Field(default_factory=list)
    options: bool = _TRUNK.options
    channels: Count = _TRUNK.channels
    cps: Count = _TRUNK.cps
    engine: Any = None
    registers: bool = Field(default=False, alias="register")  # pydantic's models have a `register` of their own
    inbound_from: Any = None

    @model_validator(mode="after")
    def _username_with_password(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("a password needs a username: give the one that the carrier knows you by")
        if self.registers and (self.password is None or self.transport != "udp"):
            raise ValueError("register needs a username, a password and transport: udp")
        return self


class Root(Document):
    """The file as a whole."""

    sip: SipDocument = SipDocument()
    organisations: Rows[OrganisationDocument] = Field(default_factory=list)
    trunks: Rows[TrunkDocument] = Field(default_factory=list)
    flows: Rows[FlowDocument] = Field(default_factory=list)
    switches: Any = None
