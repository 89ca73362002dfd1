"""The shape of the configuration file: which keys there are, what each may hold, and its default.

Keys whose shape comes with their effect are `Any` here; `not_yet.py` refuses them.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from leadline.configuration.calling_hours import Hours
from leadline.configuration.flows import FlowDocument
from leadline.configuration.values import (
    Address,
    ApiKey,
    CallerId,
    Count,
    Day,
    Duration,
    Host,
    Language,
    Login,
    Phone,
    PortRange,
    Prefix,
    Region,
    Secret,
    SipUri,
    Text,
    TimeZone,
    TrunkUri,
    between,
)
from typing import Annotated

from leadline.domain.policy import NINE_TO_NINE, Direction, Mode
from leadline.domain.record import LONGEST_TEXT
from leadline.domain.vendor import REOPENING, CallType
