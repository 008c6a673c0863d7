"""Minimises smooth functions: numpy only, the same result every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def minimise(function: Callable[[Floats], tuple[float, Floats]], start: Floats, steps: int) -> Floats:
    """Minimise a smooth `function` that returns value and gradient; return where it is least.

    L-BFGS with ten pairs and backtracking (Nocedal & Wright 2006, algorithms 7.5 and 3.1).
    """
    at = start
    value, slope = function(at)
    past: list[tuple[Floats, Floats]] = []
    for _ in range(steps):
        way = -_two_loops(slope, past)
        if float(way @ slope) >= 0:
            way, past = -slope, []
        size = 1.0 if past else min(1.0, 1.0 / max(1e-12, float(np.abs(slope).sum())))
        for _ in range(30):
            there = at + size * way
            new_value, new_slope = function(there)
            if new_value <= value + 1e-4 * size * float(way @ slope):
                break
            size *= 0.5
        else:
            return at
        step, bend = there - at, new_slope - slope
        if float(step @ bend) > 1e-12:
            past = [*past, (step, bend)][-10:]
        done = value - new_value <= 1e-9 * max(1.0, abs(value))
        at, value, slope = there, new_value, new_slope
        if done:
            break
    return at


def _two_loops(slope: Floats, past: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Return the inverse Hessian, as the past steps show it, times `slope`."""
    way, used = slope.copy(), []
    for step, bend in reversed(past):
        share = float(step @ way) / float(step @ bend)
        way -= share * bend
        used.append(share)
    if past:
        step, bend = past[-1]
        way *= float(step @ bend) / float(bend @ bend)
    for (step, bend), share in zip(past, reversed(used), strict=True):
        way += (share - float(bend @ way) / float(step @ bend)) * step
    return way
