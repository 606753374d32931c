"""The sentences shared by the FHIR resource and the page of a rule."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from cards.language.appraisals import Appraisal
from cards.language.rule import Rule
from cards.language.sources import Source
from service.publish.sentences import Sentences
from service.signoff.records import NO_SIGNATURE
from service.signoff.showing import by
from service.signoff.standing import Standing, State

NOT_SIGNED = "Draft: no clinician has signed this rule yet."


def signed(standing: Standing) -> str:
    """Whether a rule is signed, and by whom, in sentences."""
    if standing.record is None:
        return NOT_SIGNED
    if standing.state is State.SIGNED:
        return f"Signed. {by(standing.record)} {NO_SIGNATURE}"
    why = standing.why.removesuffix(".")
    return f"Draft: the sign-off is {standing.state}, {why}. {by(standing.record)} {NO_SIGNATURE}"


def paragraph(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def what_for(rule: Rule) -> str:
    """What a rule is for: the first paragraph of its module's docstring."""
    module = sys.modules[rule.advise.__module__].__doc__ or rule.title
    return paragraph(module.strip().partition("\n\n")[0])


def cited(source: Source) -> str:
    """A source in one line: its label, its year unless the label contains it, and its kind."""
    year = f", {source.year}" if source.year and str(source.year) not in source.label else ""
    kind = f" ({source.kind})" if source.kind else ""
    return f"{source.label}{year}{kind}"


def condition(rule: Rule) -> str:
    """When a rule applies, in words."""
    need = "Foot drop is recorded, and the" if rule.needs_foot_drop else "The"
    return f"{need} record calls for this advice: {rule.title}"


def usage(sentences: Sentences) -> str:
    """The cases of a rule as Markdown."""
    speaks = [f"{spoken.sentence} ({spoken.level})" for spoken in sentences.speaks]
    return "\n\n".join(
        [
            *_listed("The card is shown in these cases:", speaks),
            *_listed("It is not shown in these cases:", sentences.silent),
        ]
    )


def purpose(rule: Rule, appraised: Appraisal) -> str:
    """What a rule is for, where guidance disagrees, and what it does not evaluate, as Markdown."""
    return "\n\n".join(
        [
            what_for(rule),
            *_listed("Where guidance disagrees:", appraised.conflicts),
            *_listed("Not evaluated, because no code could be verified:", appraised.not_evaluated),
        ]
    )


def _listed(heading: str, lines: Iterable[str]) -> list[str]:
    written = [f"- {line}" for line in lines]
    return [heading, "\n".join(written)] if written else []
