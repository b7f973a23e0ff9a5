import pytest

from config.templatetags.names import initial


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
