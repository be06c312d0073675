"""The short run of the endpoints' targets; `make fuzz` is the long one."""

from itertools import islice
from random import Random

import pytest
from tests.fuzz.endpoints import endpoints

SHOTS = 150


@pytest.mark.timeout(600)  # the first start on a machine compiles
def test_damaged_bodies_are_no_fault_of_the_service() -> None:
    with endpoints() as found:
        for name, target in found.items():
            for body in islice(target.bodies(Random(name)), SHOTS):
                target.shoot(body)
