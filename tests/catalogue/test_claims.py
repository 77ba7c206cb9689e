"""claims.toml: what is read, what is refused, and when a claim is borne out."""

import pytest

from pytest_racecheck.catalogue.claims import backs, read_claims, standing
from pytest_racecheck.catalogue.schema import ScenarioError

CLAIM = """
[[claim]]
id       = "counts"
document = "a test"
section  = "none"
text     = "A counter counts."
verdict  = "refuted"
because  = "Not without a lock."
shown_by = [
  { scenario = "tiny_counter", variant = "buggy", mode = "controlled" },
  { scenario = "tiny_counter", variant = "fixed", mode = "free" },
]
"""


def claims(tiny, old="", new=""):
    assert old in CLAIM
    (tiny.folder / "claims.toml").write_text(CLAIM.replace(old, new) if old else CLAIM + new)
    return read_claims(tiny.folder)


def ran(variant, mode, kept=True, transport=None):
    return {
        "scenario": "tiny_counter",
        "variant": variant,
        "mode": mode,
        "transport": transport,
        "kept": kept,
    }


def test_a_claim_is_read(tiny):
    [claim] = claims(tiny)
    assert (claim.id, claim.verdict) == ("counts", "refuted")
    assert [str(shown) for shown in claim.shown_by] == [
        "tiny_counter/buggy controlled",
        "tiny_counter/fixed free",
    ]


MISTAKES = {
    "wrong key": ("because ", "becaus ", "unknown key 'claim[0].becaus': did you mean 'because'?"),
    "wrong verdict": (
        '"refuted"',
        '"wrong"',
        "claim[0].verdict = 'wrong': expected one of confirmed",
    ),
    "three lines": ('"A counter counts."', '"""a\nb\nc"""', "expected a text of at most two lines"),
    "unknown scenario": (
        '"tiny_counter", variant = "buggy"',
        '"tiny_conter", variant = "buggy"',
        "no such scenario, did you mean 'tiny_counter'?",
    ),
    "unknown variant": (
        '"fixed"',
        '"fxed"',
        "tiny_counter has no variant 'fxed': did you mean 'fixed'?",
    ),
    "unknown mode": (
        '"free"',
        '"fre"',
        "claim[0].shown_by[1].mode = 'fre': expected one of controlled, free",
    ),
    "transport nobody runs": (
        'mode = "free"',
        'mode = "free", transport = "tcp"',
        "the variant is not run that way",
    ),
    "nothing behind it": (
        CLAIM[CLAIM.index("shown_by") :],
        "shown_by = []",
        "claim[0].evidence: needed where shown_by is empty",
    ),
    "same id": ("", CLAIM, "two claims have the id 'counts'"),
    "another table": ("", "[other]", "unknown key 'other': did you mean"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named(tiny, old, new, sentence):
    with pytest.raises(ScenarioError) as caught:
        claims(tiny, old, new)
    if sentence.endswith("did you mean"):
        sentence = sentence.removesuffix(": did you mean")
    assert sentence in str(caught.value)


def test_a_claim_is_borne_out_by_kept_promises_only(tiny):
    [claim] = claims(tiny)
    both = [ran("buggy", "controlled"), ran("fixed", "free")]
    assert standing(claim, both) == "borne out by 2 of 2 variants"
    assert standing(claim, both[:1]) == "could not be run completely"
    assert standing(claim, [both[0], ran("fixed", "free", kept=None)]) == (
        "could not be run completely"
    )
    assert standing(claim, [both[0], ran("fixed", "free", kept=False)]) == "NOT BORNE OUT"


def test_a_finding_of_another_mode_or_variant_backs_nothing(tiny):
    [claim] = claims(tiny)
    controlled, free = claim.shown_by
    assert not backs(controlled, ran("buggy", "free"))
    assert not backs(free, ran("buggy", "free"))
    assert backs(free, ran("fixed", "free", transport="tcp"))


def test_a_claim_with_evidence_alone_says_that_it_was_not_run(tiny):
    [claim] = claims(tiny, CLAIM[CLAIM.index("shown_by") :], 'shown_by = []\nevidence = "a link"')
    assert standing(claim, []) == "not run: a link"
