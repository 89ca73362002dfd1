"""The vendor's tables: media, call types, status numbers and answer codes, as its wire format knows them.

Source: sections 5 to 8 of the Push Data contract (docs/push-data.md).
"""

from enum import IntEnum, StrEnum
from typing import Final


class Media(IntEnum):
    """By which medium a customer is to be reached, or has reached us."""

    EMAIL_IN = 1
    EMAIL_OUT = 2
    SMS_IN = 3
    SMS_OUT = 4
    CHAT = 8
    VOICE_IN = 11
    VOICE_OUT = 12
    TWITTER = 21
    FACEBOOK = 22
    VIDEO = 31


VOICE: Final = frozenset({Media.VOICE_IN, Media.VOICE_OUT})
"""A push of these media may ring a phone."""


class CallType(IntEnum):
    """What kind of call a lead is; its number is the lead's status once it may be dialed."""

    HOT_LEAD = 5
    CALLBACK = 21
    PREVIEW_CALLBACK = 31
    GENERAL_CALLBACK = 41
    PREVIEW = 71
    FRESH = 1001

    @property
    def priority(self) -> int:
        """Place in the queue of due leads, 0 first."""
        return PRIORITIES[self]


FOR_AGENTS: Final = frozenset({CallType.PREVIEW, CallType.PREVIEW_CALLBACK})
"""The phone rings only when an agent says so."""

PRIORITIES: Final = {
    CallType.HOT_LEAD: 0,
    CallType.CALLBACK: 1,
    CallType.PREVIEW_CALLBACK: 1,
    CallType.GENERAL_CALLBACK: 2,
    CallType.PREVIEW: 3,
    CallType.FRESH: 3,
}

REOPENING: Final = (
    CallType.HOT_LEAD,
    CallType.CALLBACK,
    CallType.PREVIEW_CALLBACK,
    CallType.GENERAL_CALLBACK,
    CallType.PREVIEW,
)
"""The call types that open a closed lead again unless the process says otherwise: never a nightly sync's 1001."""

AWAITING_SPEECH: Final = 10500
"""The status of a lead whose audio is not there yet."""


class UpdateParameter(StrEnum):
    """The key by which a push finds the lead that it updates."""

    MOBILENUMBER = "mobilenumber"
    CUSTOMERCODE = "customercode"
    CRMUNIQUEFIELD = "crmuniquefield"


class Code(IntEnum):
    """The answer numbers of Push Data; `description` is the vendor's sentence for each."""

    SUCCESS = 1
    FAIL = 5
    DATA_NOT_FOUND = 14
    DATE_RANGE = 15
    DATE_FORMAT = 16
    INVALID_MEDIA = 17
    MEDIA_NOT_FOUND = 18
    MEDIA_BLANK = 19
    UPDATE_PARAMETER_NOT_FOUND = 24
    UPDATE_PARAMETER_BLANK = 25
    INVALID_UPDATE_PARAMETER = 26
    API_KEY_NOT_FOUND = 1107
    SERVICE_KEY_NOT_FOUND = 1108
    KEYS_NOT_MATCHING = 1243

    @property
    def description(self) -> str:
        return DESCRIPTIONS[self]


DESCRIPTIONS: Final = {
    Code.SUCCESS: "success",
    Code.FAIL: "fail",
    Code.DATA_NOT_FOUND: "Customer data not found",
    Code.DATE_RANGE: "Date range not proper",
    Code.DATE_FORMAT: "Invalid To Date format",
    Code.INVALID_MEDIA: "Invalid Media",
    Code.MEDIA_NOT_FOUND: "Media Not found",
    Code.MEDIA_BLANK: "Media Found blank",
    Code.UPDATE_PARAMETER_NOT_FOUND: "Update Parameter not found",
    Code.UPDATE_PARAMETER_BLANK: "Update Parameter blank",
    Code.INVALID_UPDATE_PARAMETER: "Invalid Update Parameter",
    Code.API_KEY_NOT_FOUND: "api key not found",
    Code.SERVICE_KEY_NOT_FOUND: "Service key not found",
    Code.KEYS_NOT_MATCHING: "Service Key API Key Not matching",
}
