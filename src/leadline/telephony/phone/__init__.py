"""The test phone: a small SIP and RTP user agent of our own, that plays carrier and customer in the demo and the tests.

It shares no code with the engines, so that the two ends of a call are never the same stack.
"""

from leadline.telephony.phone.heard import HeardCall
from leadline.telephony.phone.phone import Phone

__all__ = ["HeardCall", "Phone"]
