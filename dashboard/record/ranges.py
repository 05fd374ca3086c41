"""Sets of sequence numbers as ranges: what of a stream has come, and what has not."""

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]  # first and last, inclusive; ascending, never touching each other


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in any order, overlapping or not, as one ascending tuple."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def holes(ranges: Ranges) -> Ranges:
    """What is missing between 1 and the end of the last range."""
    starts = [1, *(last + 1 for _, last in ranges)]
    return tuple(
        (start, first - 1) for start, (first, _) in zip(starts, ranges, strict=False) if start < first
    )


def minus(ranges: Ranges, other: Ranges) -> Ranges:
    """What is in `ranges` and not in `other`."""
    left: list[tuple[int, int]] = []
    for range_first, range_last in ranges:
        first = range_first
        for a, b in other:
            if b < first or a > range_last:
                continue
            if first < a:
                left.append((first, a - 1))
            first = b + 1
        if first <= range_last:
            left.append((first, range_last))
    return tuple(left)


def size(ranges: Ranges) -> int:
    """How many numbers are in the ranges."""
    return sum(last - first + 1 for first, last in ranges)
