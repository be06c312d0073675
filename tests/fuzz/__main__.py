"""The long run: `python -m tests.fuzz --seconds 600 [--only otlp] [--seed 7]`.

A body that breaks a decoder is written to a file whose name is printed; the process then ends with 1.
"""

import argparse
import sys
import time
from hashlib import blake2b
from pathlib import Path
from random import Random

from rich.progress import Progress
from tests.fuzz.endpoints import endpoints
from tests.fuzz.targets import Target, targets


def fire(name: str, target: Target, seconds: float, seed: int, progress: Progress) -> int:
    """How many bodies the target took; negative when one broke it."""
    task = progress.add_task(f"{name:>14}", total=seconds)
    start = time.monotonic()
    for shots, body in enumerate(target.bodies(Random(f"{seed} {name}"))):
        try:
            target.shoot(body)
        except Exception as problem:
            path = Path(f"fuzz-{name.replace('/', '_')}-{blake2b(body, digest_size=4).hexdigest()}.bin")
            path.write_bytes(body)
            progress.console.print(f"{name}: {problem!r} from {path} after {shots} bodies")
            return -1
        spent = time.monotonic() - start
        if shots % 100 == 0:
            progress.update(task, completed=spent, description=f"{name:>14} {shots} bodies")
        if spent > seconds:
            return shots
    return -1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together (default 600)")
    parser.add_argument(
        "--only", action="append", help='name of a target, such as otlp or "/write influx"; may be repeated'
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    options = parser.parse_args()
    with Progress() as progress, endpoints() as over_http:
        known = {**targets(), **over_http}
        chosen = {name: known[name] for name in options.only or known}
        progress.console.print(f"seed {options.seed}")
        each = options.seconds / len(chosen)
        taken = [fire(name, target, each, options.seed, progress) for name, target in chosen.items()]
        through = sum(taken[index] for index, name in enumerate(chosen) if name in over_http)
        progress.console.print(f"{sum(taken)} bodies, {through} of them over HTTP")
    return 1 if min(taken) < 0 else 0


if __name__ == "__main__":
    sys.exit(main())
