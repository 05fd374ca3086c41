"""What is lowered has an eccentric, however quickly; what is let go has none."""

import numpy as np
import pytest

G_MPS2 = 9.80665
RATE_HZ = 200.0


def deadlifts(motion, lower_s, pause_s, rom_m=0.5):
    """Three lifts, each let down in `lower_s`; None: let go, with bounces."""
    _, lifted = motion((pause_s, 0.0), (1.0, rom_m), (0.5, 0.0), start_m=0.2, rate_hz=RATE_HZ)
    if lower_s is None:
        down, v, y = [], 0.0, rom_m
        while len(down) < RATE_HZ:
            v -= G_MPS2 / RATE_HZ
            y += v / RATE_HZ
            if y < 0.0:
                y, v = 0.0, -0.25 * v if v < -0.4 else 0.0
            down.append(0.2 + y)
        lowered = np.array(down)
    else:
        _, lowered = motion((lower_s, -rom_m), start_m=0.2 + rom_m, rate_hz=RATE_HZ)
    s = np.concatenate(
        [np.full(200, 0.2), *[np.concatenate((lifted[1:], lowered[1:])) for _ in range(3)], np.full(400, 0.2)]
    )
    return np.arange(s.size) / RATE_HZ, s


@pytest.mark.parametrize("rom_m", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("lower_s", [0.4, 0.5, 0.7, 0.9, 1.5])
@pytest.mark.parametrize("pause_s", [0.02, 0.8])
def test_a_bar_that_is_lowered_quickly_has_an_eccentric(motion, results, lower_s, pause_s, rom_m):
    time_s, s = deadlifts(motion, lower_s, pause_s, rom_m)
    reps, _ = results(time_s, s + np.random.default_rng(3).normal(0.0, 3e-4, s.size), concentric_first=True)
    assert len(reps) == 3
    assert [rep.eccentric_s for rep in reps] == pytest.approx([0.93 * lower_s] * 3, rel=0.12)
    assert min(rep.top_pause_s for rep in reps) > 0.0


@pytest.mark.parametrize("rom_m", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("noise_m", [0.0, 3e-4, 1e-3])
def test_a_bar_that_is_let_go_has_none(motion, results, rom_m, noise_m):
    time_s, s = deadlifts(motion, None, 1.2, rom_m)
    noisy = s + np.random.default_rng(3).normal(0.0, noise_m, s.size)
    reps, _ = results(time_s, noisy, concentric_first=True)
    assert len(reps) == 3
    assert all(np.isnan(rep.eccentric_s) for rep in reps)
    assert [rep.end_s for rep in reps] == [rep.concentric_end_s for rep in reps]


@pytest.mark.parametrize(
    ("shares", "falls"),
    [
        ((0.3, 0.0, 0.75, 0.75, 0.3), True),
        ((0.3, 0.3, 1.0, 0.4, 0.3), True),
        ((0.3, 0.3, 0.4, 1.0, 0.3), True),
    ],
    ids=["not from a quarter on", "not from half on", "not up to half"],
)
def test_a_bar_falls_by_what_it_gains_in_the_middle_third_of_its_way(motion, results, shares, falls):
    """v² grows by these shares of gravity's over quarters and thirds of the way."""
    _, lifted = motion((2.0, 0.0), (1.2, 1.5), (0.8, 0.0), start_m=0.2, rate_hz=RATE_HZ)
    way_m = np.linspace(0.0, 1.5, 3001)[1:]
    share = np.repeat(shares, np.diff((0, 750, 1000, 1500, 2000, 3000)))
    v_mps = np.sqrt(2.0 * G_MPS2 * np.cumsum(share) * (way_m[1] - way_m[0]))
    at_s = np.cumsum((way_m[1] - way_m[0]) / v_mps)
    down_m = np.interp(np.arange(1, int(at_s[-1] * RATE_HZ)) / RATE_HZ, at_s, way_m)
    s = np.concatenate((lifted, 1.7 - down_m, np.full(800, 0.2)))
    (rep,) = results(np.arange(s.size) / RATE_HZ, s, concentric_first=True)[0]
    assert np.isnan(rep.eccentric_s) == falls
