"""Sets of sequence numbers as ranges: what of a stream has come, and what has not."""

from bisect import bisect_left, bisect_right
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


def with_range(ranges: Ranges, first: int, last: int) -> Ranges:
    """`ranges` and the numbers from first to last; quick, however many ranges there are."""
    begin = bisect_left(ranges, first - 1, key=lambda one: one[1])
    end = bisect_right(ranges, last + 1, key=lambda one: one[0])
    if begin < end:
        first, last = min(first, ranges[begin][0]), max(last, ranges[end - 1][1])
    return (*ranges[:begin], (first, last), *ranges[end:])


def has(ranges: Ranges, number: int) -> bool:
    """Whether the ranges contain a number."""
    place = bisect_left(ranges, number, key=lambda one: one[1])
    return place < len(ranges) and ranges[place][0] <= number


def holes(ranges: Ranges) -> Ranges:
    """The gaps between 1 and the end of the last range."""
    starts = [1, *(last + 1 for _, last in ranges)]
    return tuple(
        (start, first - 1) for start, (first, _) in zip(starts, ranges, strict=False) if start < first
    )


def minus(ranges: Ranges, other: Ranges) -> Ranges:
    """What is in `ranges` and not in `other`; both are gone through once."""
    left: list[tuple[int, int]] = []
    begin = 0  # what of `other` ends before is passed
    for range_first, range_last in ranges:
        first = range_first
        while begin < len(other) and other[begin][1] < first:
            begin += 1
        for place in range(begin, len(other)):
            a, b = other[place]
            if a > range_last:
                break
            if first < a:
                left.append((first, a - 1))
            first = b + 1
        if first <= range_last:
            left.append((first, range_last))
    return tuple(left)


def size(ranges: Ranges) -> int:
    """The count of numbers in the ranges."""
    return sum(last - first + 1 for first, last in ranges)
