"""The long run: `python -m tests.fuzz --bodies 100000 [--only otlp] [--seed 7]`.

A body that breaks a decoder, or that the service answers with a 5xx, is written to a file whose name is
printed; the process then ends with 1.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from random import Random
from threading import Event

from rich.progress import Progress
from tests.fuzz.endpoints import endpoints
from tests.fuzz.targets import Target, targets

IN_FLIGHT = 8
"""Requests that the service has at a time; what waits together is written to the log together."""


def fire(name: str, target: Target, bodies: int, seed: int, lanes: int, progress: Progress) -> int:
    """How many bodies the target took; negative when one broke it."""
    task = progress.add_task(f"{name:>28}", total=bodies)
    broken = Event()

    def shoot(lane: int) -> int:
        shots = 0
        for body in islice(target.bodies(Random(f"{seed} {name} {lane}")), bodies // lanes):
            if broken.is_set():
                break
            try:
                target.shoot(body)
            except Exception as problem:
                broken.set()
                progress.console.print(f"{name}: {problem!r} from {_kept(name, body)}")
            shots += 1
            progress.advance(task)
        return shots

    with ThreadPoolExecutor(lanes) as pool:
        taken = sum(pool.map(shoot, range(lanes)))
    return -1 if broken.is_set() else taken


def _kept(name: str, body: bytes) -> Path:
    path = Path(
        f"fuzz-{name.replace('/', '_').replace(' ', '-')}-{blake2b(body, digest_size=4).hexdigest()}.bin"
    )
    path.write_bytes(body)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000, help="for each target (default 100000)")
    parser.add_argument(
        "--only", action="append", help='name of a target, such as otlp or "/write influx"; may be repeated'
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    options = parser.parse_args()
    with Progress() as progress, endpoints() as over_http:
        known = {**targets(), **over_http}
        progress.console.print(f"seed {options.seed}")
        taken = {
            name: fire(
                name,
                known[name],
                options.bodies,
                options.seed,
                IN_FLIGHT if name in over_http else 1,
                progress,
            )
            for name in options.only or known
        }
        through = sum(shots for name, shots in taken.items() if name in over_http)
        progress.console.print(f"{sum(taken.values())} bodies, {through} of them over HTTP")
    return 1 if min(taken.values()) < 0 else 0


if __name__ == "__main__":
    sys.exit(main())
