"""Documents as no client should send them: those of the corpus, mutated at random, the same for the same seed."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

CORPUS = Path(__file__).parents[1] / "corpus" / "push"
SPICES = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", "“".encode(), "”".encode(), "″".encode(), b"\\ud800",
    b"\\u0000", b"\\", b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\t", b" ", b"+", b"%", b"%7B", b"&",
    b"&data=", b"=", b"data", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-", b"null", b"true", b"[" * 2_000,
    b'{"a":' * 2_000, b'"mobilenumber":"1",', b'"data"', b"/**/",
)  # fmt: skip


def seeds() -> list[bytes]:
    """The documents of the corpus, as they are sent."""
    sent = [path.read_bytes() for path in sorted(CORPUS.glob("*/*.txt"))]
    for path in sorted(CORPUS.glob("*/*.json")):
        case = json.loads(path.read_text())
        if "request" in case:
            sent.append(json.dumps(case["request"], ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return [document for document in sent if 0 < len(document) < 20_000]


def mutated(documents: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """So many documents, each with a few faults that nobody named."""
    random = Random(seed)  # noqa: S311  (the same every time)
    for _ in range(count):
        document = bytearray(random.choice(documents))
        for _ in range(random.randint(1, 4)):
            _mutate(document, documents, random)
        yield bytes(document)


def _mutate(document: bytearray, documents: Sequence[bytes], random: Random) -> None:
    start = random.randrange(len(document) + 1)
    end = min(len(document), start + random.choice((1, 1, 2, 8, 100)))
    match random.randrange(7):
        case 0:
            del document[start:end]
        case 1:
            document[start:start] = random.choice(SPICES)
        case 2:
            document[start:end] = random.choice(SPICES)
        case 3:
            document[start:start] = document[start:end] * random.choice((1, 2, 50))
        case 4:
            document[start:end] = random.randbytes(end - start)
        case 5:
            del document[start:]
        case _:
            other = random.choice(documents)
            begins = random.randrange(len(other))
            document[start:end] = other[begins : begins + 200]
