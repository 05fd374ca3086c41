import pytest

from edge.link.recording import read_recording
from edge.tools.analysis import analyse
from station.errors import ConfigError
from station.exercises import all_profiles, load_profile
from station.sim import simulate_set, with_seed
from station.sim.recording import write_recording

TEN = {
    "broomstick-hinge",
    "banded-hinge",
    "cable-pull-through",
    "banded-pull-through",
    "romanian-deadlift",
    "deadlift",
    "good-morning",
    "back-squat",
    "bench-press",
    "cable-row",
}
OWN = """\
name = "hip-thrust"
title = "Hip thrust"
aliases = ["thrust"]
starts_with = "concentric"
load = "mass"
min_rom_m = 0.12
"""


@pytest.fixture
def own(tmp_path):
    """Write a gym's own profile, each into a folder of its own (profiles are read once)."""

    def write(text, name="hip-thrust"):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        return folder

    return write


def test_the_ten_exercises_are_there():
    assert set(all_profiles()) == TEN


def test_the_hip_hinge_progresses_in_five_stages_that_start_from_the_top():
    stages = ["broomstick-hinge"]
    while (following := load_profile(stages[-1]).leads_to) is not None:
        stages.append(following)
    assert stages == [
        "broomstick-hinge",
        "banded-hinge",
        "cable-pull-through",
        "banded-pull-through",
        "romanian-deadlift",
    ]
    assert {load_profile(name).starts_with for name in stages} == {"eccentric"}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("rdl", "romanian-deadlift"),
        ("RDL ", "romanian-deadlift"),
        ("squat", "back-squat"),
        ("row", "cable-row"),
    ],
)
def test_an_exercise_answers_to_its_aliases(word, name):
    assert load_profile(word).name == name


def test_no_two_exercises_share_a_word():
    words = [word for profile in all_profiles().values() for word in (profile.name, *profile.aliases)]
    assert len(words) == len(set(words))


def test_every_cue_says_something_for_a_lifter():
    for profile in all_profiles().values():
        assert all(0 < len(cue.say) < 80 for cue in profile.cues), profile.name


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("romanian-deadlifts", "romanian-deadlift"), ("squad", "squat"), ("pull-trough", "pull-through")],
)
def test_an_unknown_exercise_names_the_nearest_and_all(word, nearest):
    with pytest.raises(ConfigError) as refused:
        load_profile(word)
    said = str(refused.value)
    assert f"no exercise {word!r}; did you mean {nearest}? there are back-squat, " in said
    assert "\n" not in said


def test_an_exercise_near_to_nothing_is_refused_all_the_same():
    with pytest.raises(ConfigError, match="no exercise 'zzzz'; there are back-squat"):
        load_profile("zzzz")


def test_a_gym_adds_its_own_exercise(own):
    folder = own(OWN)
    assert load_profile("thrust", folder).title == "Hip thrust"
    assert set(all_profiles(folder)) == TEN | {"hip-thrust"}
    assert "hip-thrust" not in all_profiles()


def test_a_gyms_own_profile_replaces_the_shipped_one(own):
    text = OWN.replace("hip-thrust", "romanian-deadlift").replace('"thrust"', '"rdl"')
    folder = own(text, "romanian-deadlift")
    assert load_profile("rdl", folder).title == "Hip thrust"
    assert load_profile("rdl").title == "Romanian deadlift"


def test_a_name_goes_before_another_exercises_alias_and_the_gyms_own_before_the_shipped(own):
    assert load_profile("squat", own(OWN.replace("hip-thrust", "squat"), "squat")).title == "Hip thrust"
    assert load_profile("squat", own(OWN.replace('"thrust"', '"squat"'))).title == "Hip thrust"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("min_rom_m = 0.12", "min_rom_m = -1.0"), "min_rom_m is -1.0; it must be above 0"),
        (("min_rom_m = 0.12", "min_rom_m = nan"), "min_rom_m is nan; it must be above 0"),
        (("min_rom_m = 0.12", ""), "no min_rom_m; it is needed"),
        (("min_rom_m", "min_rom_cm"), "unknown key min_rom_cm; did you mean min_rom_m?"),
        (('"concentric"', '"conzentric"'), "starts_with is 'conzentric'; did you mean concentric?"),
        (('"mass"', '"heavy"'), "load is 'heavy'; valid are mass, cable, band, none"),
        (('"Hip thrust"', "3"), "title: expected `str`, got `int`"),
        (('"hip-thrust"', '"hip-trust"'), "name is 'hip-trust'; it must be the file's own, 'hip-thrust'"),
        (("load", "load = "), "not valid TOML"),
    ],
)
def test_a_bad_profile_is_named_with_what_is_wrong(own, change, says):
    folder = own(OWN.replace(*change))
    with pytest.raises(ConfigError) as refused:
        load_profile("hip-thrust", folder)
    assert says in str(refused.value)
    assert str(folder / "hip-thrust.toml") in str(refused.value)


def test_an_exercise_that_leads_nowhere_is_refused(own):
    with pytest.raises(ConfigError, match="exercise hip-thrust: leads_to is 'dead-lift'; there are"):
        load_profile("hip-thrust", own(OWN + 'leads_to = "dead-lift"\n'))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        load_profile("rdl", tmp_path / "none")


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("name", sorted(TEN))
def test_an_exercise_counts_its_own_simulated_set(tmp_path, name, seed):
    """Exactly, with pick-up and set-down around it, through a recording as a file."""
    profile = load_profile(name)
    simulated = simulate_set(profile, reps=4 + seed % 3, rng=with_seed(seed))
    path = tmp_path / "rec.csv"
    write_recording(path, simulated.recording)
    analysis = analyse(read_recording(path), simulated.station, profile)
    (truth,) = simulated.truth["sets"]
    (found,) = analysis.sets
    assert [rep.counted for rep in found.reps] == [rep["counted"] for rep in truth["reps"]]
    for rep, true in zip(found.reps, truth["reps"], strict=True):
        assert abs(rep.concentric_end_s - true["concentric_end_s"]) < 0.3
        assert (rep.rom_m is None) == (simulated.station.station.kind == "band")
