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
from tests.fuzz.targets import Target, targets


def fire(name: str, target: Target, seconds: float, seed: int, progress: Progress) -> bool:
    task = progress.add_task(f"{name:>14}", total=seconds)
    start = time.monotonic()
    for shots, body in enumerate(target.bodies(Random(f"{seed} {name}"))):
        try:
            target.shoot(body)
        except Exception as problem:
            path = Path(f"fuzz-{name}-{blake2b(body, digest_size=4).hexdigest()}.bin")
            path.write_bytes(body)
            progress.console.print(f"{name}: {problem!r} from {path} after {shots} bodies")
            return False
        spent = time.monotonic() - start
        if shots % 100 == 0:
            progress.update(task, completed=spent, description=f"{name:>14} {shots} bodies")
        if spent > seconds:
            return True
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together (default 600)")
    parser.add_argument("--only", action="append", help="name of a target; may be repeated")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    options = parser.parse_args()
    chosen = {name: target for name, target in targets().items() if name in (options.only or targets())}
    with Progress() as progress:
        progress.console.print(f"seed {options.seed}")
        each = options.seconds / max(len(chosen), 1)
        good = [fire(name, target, each, options.seed, progress) for name, target in chosen.items()]
    return 0 if all(good) and good else 1


if __name__ == "__main__":
    sys.exit(main())
