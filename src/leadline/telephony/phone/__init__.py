"""The test phone: a small SIP and RTP user agent of our own, that plays carrier and customer in the demo and the tests.

It shares no code with the engines, so that the two ends of a call are never the same stack.
"""
