"""The body of a request, read up to the limit and no further."""

from starlette.requests import ClientDisconnect, Request

from leadline.web.problems import Refused

READABLE = frozenset({"", "application/json", "text/plain"})
"""Content types that are read as JSON; none at all is one of them."""


async def read_json_body(request: Request, limit: int) -> bytes:
    """The bytes of a JSON body; raises Refused with 415 or 413."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in READABLE:
        raise Refused(415, "unsupported_media_type", f"{kind} is not read here: send application/json")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise Refused(400, "half_sent", "the body ended before its time: send it whole") from None
    return bytes(body)


def _too_large(limit: int) -> Refused:
    return Refused(
        413, "body_too_large", f"the body is larger than {limit} bytes: push the records in several requests"
    )
