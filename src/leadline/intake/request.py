"""A push as understood, or why it cannot be: the checks of a request, in the contract's order.

Every translation (`vendor.py`; `/v1/leads:push` gets its own beside it) hands over the same nodes, and no rule
lives in one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from msgspec import Struct

from leadline.domain.moment import parse_moment
from leadline.domain.record import ALIASES, LONGEST_KEY, Defaults
from leadline.domain.value import is_blank, plain_text, unkeepable
from leadline.domain.vendor import Code, Media, UpdateParameter
from leadline.store.catalogue import Catalogue, Organisation, Process, key_hash

METHOD: Final = "ImportProcessData"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: a stable code, the node, and a sentence with the remedy."""

    code: str
    field: str | None
    message: str
    line: int | None = None
    column: int | None = None


class PushRefused(Exception):
    """A request of which nothing can be taken; `zone` is the organisation's, as far as that is known."""

    def __init__(self, code: Code, problem: Problem, zone: tzinfo = UTC) -> None:
        super().__init__(problem.message)
        self.code, self.problem, self.zone = code, problem, zone


class Push(Struct, frozen=True):
    """A request whose every node above the records has been read."""

    organisation: Organisation
    process: Process
    media: Media
    update_parameter: UpdateParameter
    requested_at: datetime
    defaults: Defaults
    records: list[Any]
    transport: str
    requestid: str | None = None
    verbose: bool = False
    dryrun: bool = False
    """Whether it is only to be explained: whoever takes it all the same rings phones."""
    warnings: Sequence[str] = ()
    """What is told of how it was read."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows of one request."""

    records: int = 10_000
    hide_foreign_service_keys: bool = False


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """Nodes by their name, whatever its case and the blanks around it; of one that is there twice the later counts,
    unless it is blank.
    """
    nodes: dict[str, Any] = {}
    for spelled, value in document.items():
        name = spelled.strip().lower()
        name = ALIASES.get(name, name)
        if name not in nodes or not is_blank(value):
            nodes[name] = value
    return nodes


def everyone(_: bytes) -> None:
    """No key is kept out."""


def authenticate(
    nodes: Mapping[str, Any], catalogue: Catalogue, admit: Callable[[bytes], None] = everyone
) -> Organisation:
    """The organisation of the API key; raises PushRefused.

    `admit` is told the hash of a key that is known, and may raise whatever is to keep the request out.
    """
    digest = key_hash(_text(nodes.get("apikey")))
    number = catalogue.keys.get(digest)
    if number is None:
        raise PushRefused(
            Code.API_KEY_NOT_FOUND, Problem("1107", "apikey", "apikey names no organisation: check the key")
        )
    admit(digest)
    return catalogue.organisations[number]


def understand(
    nodes: Mapping[str, Any], organisation: Organisation, catalogue: Catalogue, limits: Limits, transport: str
) -> Push:
    """The push that an organisation's nodes ask for; raises PushRefused at the first node that is wrong."""
    zone = organisation.timezone
    process = process_of(nodes, organisation, catalogue, limits)
    media = _media(nodes, zone)
    parameter = _update_parameter(nodes, zone)
    requested_at = moment_of(nodes, "reqdatetime", zone)
    if requested_at is None:
        raise node_refused(Code.DATE_FORMAT, "reqdatetime", "reqdatetime is mandatory: YYYY-MM-DD hh:mm:ss", zone)
    defaults = Defaults(
        call_at=moment_of(nodes, "calldatetime", zone),
        expires_at=moment_of(nodes, "expirydatetime", zone),
        calltype=nodes.get("calltype"),
        userlogin=nodes.get("userlogin"),
    )
    records = _records(nodes, limits, zone)
    requestid = _requestid(nodes, zone)
    dryrun = _dryrun(nodes, zone)
    return Push(
        organisation=organisation,
        process=process,
        media=media,
        update_parameter=parameter,
        requested_at=requested_at,
        defaults=defaults,
        records=records,
        transport=transport,
        requestid=requestid,
        verbose=_is_on(nodes.get("verbose")),
        dryrun=dryrun,
    )


def node_refused(code: Code, node: str, message: str, zone: tzinfo, name: str | None = None) -> PushRefused:
    """The refusal of a request for one node; `name` is the code where the number says too little."""
    return PushRefused(code, Problem(name or str(int(code)), node, message), zone)


def _text(value: object) -> str:
    """A node's text, trimmed; numbers are their own text, anything else is as if absent."""
    return plain_text(value) or ""


def _is_on(value: object) -> bool:
    return value is True or _text(value) == "1"


def _requestid(nodes: Mapping[str, Any], zone: tzinfo) -> str | None:
    value = nodes.get("requestid")
    if is_blank(value):
        return None
    text = plain_text(value)
    if text is None or len(text) > LONGEST_KEY or unkeepable(value):
        message = f"requestid must be a text of {LONGEST_KEY} characters at most, without NUL"
        raise node_refused(Code.FAIL, "requestid", message, zone, "invalid_field")
    return text


def _dryrun(nodes: Mapping[str, Any], zone: tzinfo) -> bool:
    value = nodes.get("dryrun")
    if is_blank(value) or value is False or _text(value) == "0":
        return False
    if not _is_on(value):
        # Taken for a push it would ring phones: the one thing that a dry run is sent to avoid.
        message = "dryrun must be 1 or 0: nothing was stored"
        raise node_refused(Code.FAIL, "dryrun", message, zone, "invalid_field")
    return True


def process_of(nodes: Mapping[str, Any], organisation: Organisation, catalogue: Catalogue, limits: Limits) -> Process:
    """The process that `servicekey` names; raises PushRefused."""
    zone = organisation.timezone
    process = catalogue.process_of(_text(nodes.get("servicekey")))
    if process is not None and process.organisation_id == organisation.id:
        return process
    if process is not None and not limits.hide_foreign_service_keys:
        raise node_refused(
            Code.KEYS_NOT_MATCHING, "servicekey", "the servicekey is not of the apikey's organisation", zone
        )
    raise node_refused(Code.SERVICE_KEY_NOT_FOUND, "servicekey", "servicekey names no process: check the key", zone)


def _media(nodes: Mapping[str, Any], zone: tzinfo) -> Media:
    if "media" not in nodes:
        raise node_refused(Code.MEDIA_NOT_FOUND, "media", f"media is mandatory, one of: {_ALL_MEDIA}", zone)
    value = nodes["media"]
    if is_blank(value):
        raise node_refused(Code.MEDIA_BLANK, "media", f"media is blank, give one of: {_ALL_MEDIA}", zone)
    medium = _MEDIA.get(_text(value))
    if medium is None:
        raise node_refused(Code.INVALID_MEDIA, "media", f"media is none of: {_ALL_MEDIA}", zone)
    return medium


_MEDIA: Final = {str(int(medium)): medium for medium in Media}
_ALL_MEDIA: Final = ", ".join(f"{medium:d} {medium.name.replace('_', ' ').title()}" for medium in Media)


def _update_parameter(nodes: Mapping[str, Any], zone: tzinfo) -> UpdateParameter:
    if "updateparam" not in nodes:
        raise node_refused(
            Code.UPDATE_PARAMETER_NOT_FOUND, "updateparam", f"updateparam is mandatory: {_PARAMETERS}", zone
        )
    value = nodes["updateparam"]
    if is_blank(value):
        raise node_refused(
            Code.UPDATE_PARAMETER_BLANK, "updateparam", f"updateparam is blank, give one of: {_PARAMETERS}", zone
        )
    parameter = _BY_NAME.get(_text(value).lower())
    if parameter is None:
        message = f"updateparam is none of: {_PARAMETERS}"
        raise node_refused(Code.INVALID_UPDATE_PARAMETER, "updateparam", message, zone)
    return parameter


_BY_NAME: Final = {parameter.value: parameter for parameter in UpdateParameter}
_PARAMETERS: Final = ", ".join(UpdateParameter)


def moment_of(nodes: Mapping[str, Any], name: str, zone: tzinfo) -> datetime | None:
    """The date that a node holds, None if it is blank; raises PushRefused."""
    value = nodes.get(name)
    if is_blank(value):
        return None
    moment = parse_moment(value, zone) if isinstance(value, str) else None
    if moment is None:
        message = f"{name} cannot be read: write YYYY-MM-DD hh:mm:ss, or ISO 8601 with an offset"
        raise node_refused(Code.DATE_FORMAT, name, message, zone)
    return moment


def _records(nodes: Mapping[str, Any], limits: Limits, zone: tzinfo) -> list[Any]:
    records = nodes.get("data")
    if not isinstance(records, list) or not records:
        raise node_refused(Code.DATA_NOT_FOUND, "data", "data must be an array of at least one record", zone)
    if len(records) > limits.records:
        message = f"data has {len(records)} records; {limits.records} is the most of one request: push them in several"
        raise node_refused(Code.FAIL, "data", message, zone, "too_many_records")
    return records
