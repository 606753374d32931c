"""Words of the record on a card: shown as they are, and never acting as anything but words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cards.language.escaping import days, listed, markdown, old, plain, sentence
from tests.corpora.injections import HOSTILE
from tests.support.sampling import one_in

# Raw HTML allowed, as the most trusting client would have it, with GitHub's tables and strikethrough.
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

AUTOLINK = re.compile(r"(?i)(?:https?|ftp)://|\bwww\.|mailto:|xmpp:|[\w.+-]+@[\w-]+\.")


def kinds(source: str) -> set[str]:
    """The kinds of token that a renderer sees."""
    tokens = GITHUB.parse(source)
    return {each.type for each in tokens} | {child.type for each in tokens for child in each.children or []}


def shown(source: str) -> str:
    """What the reader sees, when it is text alone."""
    return "".join(child.content for each in GITHUB.parse(source) for child in each.children or [])


@pytest.mark.parametrize("words", one_in(4, HOSTILE))
def test_words_of_the_record_are_text_and_nothing_else(words: str) -> None:
    escaped = markdown(words)
    assert kinds(escaped) <= {"paragraph_open", "inline", "paragraph_close", "text"}
    assert shown(escaped).replace("\u2060", "") == plain(words, 200)


@pytest.mark.parametrize("words", one_in(4, HOSTILE))
def test_words_of_the_record_stay_text_inside_a_sentence_a_list_and_a_table(words: str) -> None:
    escaped = markdown(words)
    safe = {"paragraph_open", "inline", "paragraph_close", "text"}
    assert kinds(f"Foot drop, {escaped}, since Monday.") <= safe
    assert kinds(f"- {escaped}") <= safe | {
        "bullet_list_open", "list_item_open", "list_item_close", "bullet_list_close",
    }  # fmt: skip
    row = GITHUB.render(f"| a | b |\n|---|---|\n| {escaped} | last |")
    assert row.count("<td>") == 2
    assert "<td>last</td>" in row


@pytest.mark.parametrize("words", one_in(4, HOSTILE))
def test_nothing_is_left_that_becomes_a_link_or_a_tag_by_itself(words: str) -> None:
    escaped = markdown(words)
    assert not AUTOLINK.search(escaped)
    assert "<" not in escaped
    assert ">" not in escaped
    assert "\n" not in escaped


def test_the_renderer_of_these_tests_would_show_an_escape_that_is_missing() -> None:
    raw = [kinds(words) - {"paragraph_open", "inline", "paragraph_close", "text"} for words in HOSTILE]
    assert sum(map(bool, raw)) > 45
    assert {
        "link_open",
        "image",
        "html_block",
        "html_inline",
        "em_open",
        "s_open",
        "fence",
        "code_inline",
    } <= set().union(*raw)


# Every character but surrogates, which no text of JSON holds: as often of one byte of UTF-8 as of two, three and four.
CHARACTERS = st.one_of(
    st.integers(0, 0x7F), st.integers(0x80, 0x7FF), st.integers(0x800, 0xD7FF), st.integers(0xE000, 0x10FFFF)
)


@settings(deadline=None)
@given(st.lists(CHARACTERS.map(chr), max_size=250).map("".join))
def test_any_words_are_text_and_read_as_they_were(words: str) -> None:
    check_words(words)


@pytest.mark.long  # what Hypothesis knows of Unicode takes it seconds to make
@settings(deadline=None)
@given(st.text(max_size=250))
def test_any_text_that_hypothesis_draws_is_text_and_reads_as_it_was(words: str) -> None:
    check_words(words)


def check_words(words: str) -> None:
    """They are text, and are read as `plain` words."""
    escaped = markdown(words)
    assert kinds(escaped) <= {"paragraph_open", "inline", "paragraph_close", "text"}
    assert shown(escaped).replace("\u2060", "") == plain(words, 200)


@settings(deadline=None)
@given(st.text(alphabet="<>[]()!*_`~#|\\&;:@/.-+=wh \n1a", max_size=120))
def test_any_marks_are_text(words: str) -> None:
    assert kinds(markdown(words)) <= {"paragraph_open", "inline", "paragraph_close", "text"}


@pytest.mark.parametrize("words", [None, "", " ", "\n\t", "\u200b\u202e\u2069"])
def test_nothing_is_nothing(words: str | None) -> None:
    assert plain(words) == ""
    assert markdown(words) == ""


# ---- plain words ----


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("Left foot drop", "Left foot drop"),
        ("  Left \t foot\r\n drop ", "Left foot drop"),
        ("a\x00b\x1bc\x7fd\x9be", "a b c d e"),
        ("a\u2028b\u2029c\u0085d", "a b c d"),
        ("\u202eevil\u202c \u2066x\u2069 \u200fy\u200e \u061cz", "evil x y z"),
        ("zero\u200bwidth\u200d\u2060\ufeff\u00ad", "zerowidth"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("private\ue000\U000f0000 unassigned\U000e0fff", "private unassigned"),
        ("sur\ud800rogate", "surrogate"),
        ("é 脚 🦶 µ ≥ ½", "é 脚 🦶 µ ≥ ½"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ],
)
def test_words_on_one_line_without_what_cannot_be_seen(words: str, line: str) -> None:
    assert plain(words) == line


def test_long_words_are_cut_with_a_sign_of_it() -> None:
    assert plain("x" * 80) == "x" * 80
    assert plain("x" * 81) == "x" * 79 + "…"
    assert plain("word " * 100, 12) == "word word w…"
    assert plain("long " * 3, 6) == "long…", "no space before the sign"
    assert len(plain("é" * 1_000_000)) == 80


# ---- phrases ----


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), "today"),
        (timedelta(minutes=59), "today"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, hours=23), "1 day"),
        (timedelta(days=14), "14 days"),
        (timedelta(days=59), "59 days"),
        (timedelta(days=60), "2 months"),
        (timedelta(days=729), "24 months"),
        (timedelta(days=730), "2 years"),
        (timedelta(days=3650), "10 years"),
    ],
)
def test_a_span_as_a_clinician_says_it(span: timedelta, words: str) -> None:
    assert days(span) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [(timedelta(hours=5), "5-hour"), (timedelta(days=1), "1-day"), (timedelta(days=210), "7-month")],
)
def test_a_span_before_what_has_lasted_so_long(span: timedelta, words: str) -> None:
    assert old(span) == words


def test_words_in_a_row_and_a_sentence() -> None:
    assert [listed(["a", "b", "c"][:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert [sentence(words) for words in ("", "foot drop", "MRC 2", "éclair")] == ["", "Foot drop", "MRC 2", "Éclair"]
