"""How every compiled kernel is compiled: once, cached on disk, outside the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with Numba, keeping its type for the checker.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        Divides as NumPy does (no exception), keeps IEEE NaN semantics, releases the interpreter's lock.
    """
    compiled: Callable[P, R] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def inner_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """As `kernel`, for a function that only kernels call: no entry from Python is compiled.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        Callable from compiled code only.
    """
    options = {"cache": True, "nogil": True, "error_model": "numpy", "no_cpython_wrapper": True}
    compiled: Callable[P, R] = njit(no_cfunc_wrapper=True, **options)(function)
    return compiled
