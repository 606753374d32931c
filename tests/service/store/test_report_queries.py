"""What a report says of a store, on both databases: each number counts what it says."""

from __future__ import annotations

from sqlalchemy import URL

from tests.support.remembered import AT, event
from tests.support.reported import accepted, evaluation, keep, of_rule, reported, set_aside


def test_an_empty_store_has_an_empty_report(url: URL) -> None:
    keep(url, [])
    told = reported(url)
    assert (told.evaluations, told.encounters, told.rules, told.first) == (0, 0, (), "")


def test_evaluations_cards_and_who_they_were_for(url: URL) -> None:
    spoke = [evaluation(n, patient=f"p{n % 2}", encounter=f"e{n % 3}", asker=f"u{n % 4}") for n in range(12)]
    silent = [evaluation(n + 20, card=False, encounter="e9", asker="u9") for n in range(3)]
    unable = [evaluation(n + 30, card=False, silent=("could-not-evaluate", "no reports")) for n in range(2)]
    keep(url, [*spoke, *silent, *unable])
    told = reported(url)
    afo, mri = of_rule(told), of_rule(told, "lumbar-mri", "1.0.0")
    assert (told.evaluations, told.encounters, told.users, told.patients) == (17, 5, 6, 3)
    assert (afo.evaluations, afo.would_fire, afo.shown, afo.in_shadow) == (17, 12, 12, 0)
    assert (afo.not_applicable, afo.suppressed, afo.could_not_evaluate) == (3, 0, 2)
    assert (afo.encounters, afo.users, afo.patients) == (5, 6, 2)
    assert afo.would_fire_per_100_encounters == 12 / 5 * 100
    assert afo.shown_per_user == 12 / 6
    assert [(cause.cause, cause.evaluations) for cause in afo.causes] == [("no reports", 2)]
    assert (mri.evaluations, mri.would_fire) == (17, 0)
    assert [one.rule for one in told.rules] == ["lumbar-mri", "afo"], "as the titles have them"


def test_a_card_counts_once_as_accepted_or_by_its_last_reason(url: URL) -> None:
    cards = [evaluation(n) for n in range(6)]
    said = [
        set_aside(cards[0], "already-arranged"),
        accepted(cards[0]),
        event(cards[1].cards[0].uuid, "1", reason="patient-declined", at=AT),
        event(cards[1].cards[0].uuid, "2", reason="already-arranged", at=AT + 5),
        set_aside(cards[2], "MC-17"),
        event(cards[3].cards[0].uuid, "1", client="another"),
    ]
    keep(url, cards, said[:5])
    afo = of_rule(reported(url))
    assert (afo.shown, afo.accepted, afo.overridden, afo.unanswered) == (6, 1, 2, 3)
    assert [(one.code, one.cards, one.is_miss) for one in afo.reasons] == [
        ("already-arranged", 1, True),
        ("MC-17", 1, False),
    ]
    assert afo.misses == 1


def test_the_cards_of_a_rule_in_shadow_would_fire_and_were_not_shown(url: URL) -> None:
    unheeded = [evaluation(n + 20, patient="p1", asker=f"u{n}", shown=False, mode="pilot") for n in range(5)]
    shown = [evaluation(n, asker=f"u{n % 2}", mode="pilot" if n < 3 else "") for n in range(4)]
    keep(url, [*shown, *(evaluation(n + 10, shown=False, mode="shadow") for n in range(3)), *unheeded])
    afo = of_rule(reported(url))
    assert (afo.shown_to_pilots, afo.pilots) == (3, 2)
    assert (afo.would_fire, afo.shown, afo.in_shadow, afo.unanswered) == (12, 4, 8, 4)
    assert afo.unheeded_patients == 0


def test_each_version_is_told_by_itself_with_the_encounters_of_its_own_evaluations(url: URL) -> None:
    old = [evaluation(n, encounter=f"e{n}") for n in range(3)]
    new = [evaluation(n, day=1, encounter=f"e{n + 2}", version="2.1.0") for n in range(2)]
    keep(url, [*old, *new])
    told = reported(url)
    assert of_rule(told).encounters == 3
    assert of_rule(told, version="2.1.0").encounters == 2
    assert of_rule(told, "lumbar-mri", "1.0.0").encounters == 4, "an encounter of both is one"


def test_five_users_of_whom_none_answers_within_a_day_are_noticed(url: URL) -> None:
    unheeded = [evaluation(n, patient="p1", asker=f"u{n}") for n in range(5)]
    four = [evaluation(n + 10, patient="p2", asker=f"u{n % 4}") for n in range(9)]
    heeded = [evaluation(n + 20, patient="p3", asker=f"u{n}") for n in range(5)]
    slow = [evaluation(n, day=n, patient="p4", asker=f"u{n}") for n in range(1, 6)]
    keep(url, [*unheeded, *four, *heeded, *slow], [set_aside(heeded[2], "patient-declined")])
    assert of_rule(reported(url)).unheeded_patients == 1


def test_a_period_a_rule_and_a_client_narrow_it(url: URL) -> None:
    keep(url, [evaluation(n, day=n) for n in range(10)])
    assert of_rule(reported(url, days=4)).evaluations == 4
    assert [one.rule for one in reported(url, rule="afo").rules] == ["afo"]
    assert reported(url, client="another").evaluations == 0


def test_how_long_evaluations_took_is_told_to_a_tenth_or_a_hundredth(url: URL) -> None:
    keep(url, [evaluation(n, milliseconds=float(n) + 0.05) for n in range(1, 101)])
    (one,) = reported(url).latency
    assert (one.service, one.evaluations, one.longest) == ("foot-drop-patient-view", 100, 100.0)
    assert (one.median, one.p95, one.p99) == (50.1, 95.1, 99.1)


def test_keys_that_could_not_be_obtained_are_counted_each(url: URL) -> None:
    keep(url, [evaluation(n, missing="orders reports" if n else "reports") for n in range(3)])
    assert [(one.key, one.evaluations) for one in reported(url).missing] == [("reports", 3), ("orders", 2)]


def test_a_sudden_change_of_the_firing_rate_is_an_alarm_and_an_even_rate_is_none(url: URL) -> None:
    def rate(day: int) -> int:
        return 12 if day == 25 else 2

    keep(url, [evaluation(n, day=day, card=n < rate(day)) for day in range(28) for n in range(20)])
    points = of_rule(reported(url, days=28)).firing_rate
    assert points.days == 1
    assert [(point.date, point.alarm) for point in points.alarms] == [("2026-03-27", "above")]
    assert {point.share for point in points.points} == {0.1, 0.6}
