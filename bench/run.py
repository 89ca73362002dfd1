"""`make bench`: every figure beside a ceiling taken in the same run, kept in bench/results.json and shown as a table.

Of a bench that is not run now, the file keeps what its last run found.
"""

import argparse
import asyncio
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import calls
import claims
import lateness
import push_speed
import push_to_invite
import simulator_speed
from rich.console import Console
from rich.table import Table

BENCHES = {
    "push_to_invite": push_to_invite.measure,
    "push": push_speed.measure,
    "claims": claims.measure,
    "lateness": lateness.measure,
    "calls": calls.measure,
    "simulator": simulator_speed.measure,
}
LONG = {"push_million": push_speed.measure_million, "claims_ten_million": claims.measure_many}
"""Minutes each: only where they are named."""
RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "names",
        nargs="*",
        help=f"which benchmarks, of {', '.join(BENCHES | LONG)}; without a name all but the long ones",
    )
    names = arguments.parse_args().names or list(BENCHES)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    table = Table(title="Leadline, each beside its ceiling")
    for heading in ("What", "Leadline", "Ceiling", "Ratio", "Goal", "Unit", "What the ceiling is"):
        table.add_column(heading, overflow="fold")
    for name in names:
        figures = asyncio.run((BENCHES | LONG)[name]())
        for figure in figures:
            row = (figure.what, f"{figure.ours:.1f}", f"{figure.ceiling:.1f}", f"{figure.ours / figure.ceiling:.2f}")
            table.add_row(*row, figure.goal, figure.unit, figure.ceiling_is)
        results[name] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
            "figures": [asdict(figure) for figure in figures],
        }
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    Console().print(table)


if __name__ == "__main__":
    main()
