"""The callee's half of digest authentication (RFC 7616): a challenge made, an answer checked."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class Digest:
    """The one user that may call, and the nonce of this challenge."""

    username: str
    password: str = field(repr=False)
    realm: str = "leadline-phone"
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate`."""
        return f'Digest realm="{self.realm}", nonce="{self.nonce}", qop="auth", algorithm=MD5'

    def admits(self, method: str, authorization: str) -> bool:
        """Whether the `Authorization` header proves that the caller knows the password."""
        said = {name: quoted or bare for name, quoted, bare in _PARAMETER.findall(authorization)}
        if said.get("username") != self.username or said.get("nonce") != self.nonce:
            return False
        secret = _md5(f"{self.username}:{self.realm}:{self.password}")
        request = _md5(f"{method}:{said.get('uri', '')}")
        quality = f"{said['nc']}:{said['cnonce']}:{said['qop']}:" if "qop" in said else ""
        return hmac.compare_digest(said.get("response", ""), _md5(f"{secret}:{self.nonce}:{quality}{request}"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
