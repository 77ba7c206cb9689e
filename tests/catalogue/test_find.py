"""Which scenarios there are, and which ones a name means."""

import pytest

from pytest_racecheck.catalogue.find import read_all, scenario_names, scenarios_folder, select
from pytest_racecheck.errors import UsageError


def names_of(pairs):
    return [f"{scenario.name}/{variant.name}" for scenario, variant in pairs]


def test_no_name_means_every_variant_in_order(tiny):
    tiny.write("another_one")
    assert names_of(select(tiny.folder, [])) == [
        "another_one/buggy",
        "another_one/fixed",
        "tiny_counter/buggy",
        "tiny_counter/fixed",
    ]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (["tiny_counter"], ["tiny_counter/buggy", "tiny_counter/fixed"]),
        (["tiny_counter/fixed"], ["tiny_counter/fixed"]),
        (["tiny_counter/fixed", "tiny_counter/fixed"], ["tiny_counter/fixed"]),
        (["tiny_counter/fixed", "tiny_counter"], ["tiny_counter/buggy", "tiny_counter/fixed"]),
    ],
)
def test_a_name_means_a_scenario_or_one_variant(tiny, asked, meant):
    assert names_of(select(tiny.folder, asked)) == meant


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("tiny_conter", "unknown scenario 'tiny_conter': did you mean 'tiny_counter'?"),
        ("xyz", "unknown scenario 'xyz': known are tiny_counter."),
        ("tiny_counter/fxed", "tiny_counter has no variant 'fxed': did you mean 'fixed'?"),
        ("tiny_counter/", "tiny_counter has no variant ''"),
        ("../tiny_counter", "unknown scenario '..'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_near_one(tiny, asked, sentence):
    with pytest.raises(UsageError) as caught:
        select(tiny.folder, [asked])
    assert str(caught.value).startswith(sentence)


def test_a_long_list_of_known_names_fits_a_terminal(tiny):
    for n in range(12):
        tiny.write(f"a_rather_long_name_{n}")
    with pytest.raises(UsageError) as caught:
        select(tiny.folder, ["xyz"])
    lines = f"racecheck: {caught.value}".splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80


def test_a_broken_scenario_does_not_stop_another_one(tiny):
    (tiny.write("broken") / "scenario.toml").write_text("nonsense")
    assert len(select(tiny.folder, ["tiny_counter"])) == 2
    with pytest.raises(UsageError, match=r"broken/scenario\.toml"):
        read_all(tiny.folder)


def test_a_folder_without_scenarios_is_refused(tmp_path):
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(UsageError, match="there is no scenario in it"):
        scenario_names(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"--scenarios .*nowhere: there is no such folder"):
        scenarios_folder(str(tmp_path / "nowhere"))


def test_our_own_scenarios_are_found_without_naming_them():
    assert (scenarios_folder() / "README.md").is_file()
