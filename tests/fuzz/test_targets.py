"""The short run of the fuzz targets; `make fuzz` is the long one."""

from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import targets

TARGETS = targets()
SHOTS = 1500


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_bodies_raise_only_decode_errors(name: str) -> None:
    target = TARGETS[name]
    for body in islice(target.bodies(Random(name)), SHOTS):
        target.shoot(body)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read_without_an_error(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].decode(seed)


@pytest.mark.parametrize("name", TARGETS)
@given(body=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_random_bytes_raise_only_decode_errors(name: str, body: bytes) -> None:
    TARGETS[name].shoot(body)
