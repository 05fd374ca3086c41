"""The lower convex hull of points that come in the order of their first coordinate."""

Point = tuple[float, float]


def add_to_lower_hull(hull: list[Point], point: Point) -> None:
    """Add a point to the right of all others, and drop those that lie on or above the new edge."""
    while len(hull) > 1 and _on_or_above(hull[-2], hull[-1], point):
        hull.pop()
    hull.append(point)


def _on_or_above(a: Point, b: Point, c: Point) -> bool:
    """Whether b lies on or above the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])
