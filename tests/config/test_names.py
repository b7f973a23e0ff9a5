import pytest

from config.templatetags.names import initial, person_color


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("maren", "M"),
        ("  \u202eevil", "E"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 crew", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\U0001f44b\U0001f3fd hi", "\U0001f44b\U0001f3fd"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "\U0001f1e9\U0001f1ea"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f x", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),
        ("e\u0301toile", "E\u0301"),
        ("عمر", "ع"),
        ("\u200b", ""),
        ("", ""),
    ],
)
def test_an_initial_is_one_letter_or_one_emoji(name: str, first: str) -> None:
    assert initial(name) == first


def test_people_have_colors_that_depend_on_their_ids() -> None:
    assert len({person_color(pk) for pk in range(1, 9)}) == 8
    assert person_color(9) == person_color("1") == "p2"
    snowflakes = [str((1_000_000 + made) << 22) for made in range(8)]
    assert len({person_color(each) for each in snowflakes}) == 8
    assert person_color("nobody") == person_color(None) == "p1"
