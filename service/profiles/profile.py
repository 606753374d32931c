"""The profiles: how each EHR deviates from CDS Hooks. A client in the settings names one.

Records are read in the same way for every client; only what is sent, and how a refusal is worded, differ.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

FEEDBACK = "/feedback"


class Profile(Struct, frozen=True, kw_only=True):
    """The deviations of one EHR. The defaults are those of CDS Hooks 2.0.

    What is sent:

    - `selection`: the one selection behaviour that it supports; empty if it supports both.
    - `one_action`: a suggestion has only one action; one with several actions is offered as several suggestions.
    - `shows_descriptions`: its users read the description of the action, not the label of the suggestion.
    - `plain_codes`: codes of topics and override reasons have only letters and digits, at most 100, and the EHR
      remembers by the topic what was overridden.
    - `carries_out`: the actions that it carries out, as type and resource; None if they are not known to be limited.

    What is tolerated:

    - `token_life`: seconds from `iat` to `exp` that its tokens may have.
    - `signs_feedback_for_service`: the audience of a token for feedback may be the address of the service itself.
    - `stripped`: what its analyst has to check if the access token or the drafts are missing; empty if the EHR never
      leaves them out of a request because of a wrong registration.
    """

    selection: str = ""
    one_action: bool = False
    shows_descriptions: bool = False
    plain_codes: bool = False
    carries_out: frozenset[tuple[str, str]] | None = None
    token_life: int = 300
    signs_feedback_for_service: bool = False
    stripped: str = ""

    def takes(self, action: str, resource: str) -> bool:
        """Whether it carries out this action (create, update, delete) on this type of resource."""
        return self.carries_out is None or (action, resource) in self.carries_out

    def audiences(self, path: str) -> tuple[str, ...]:
        """The paths of the service, one of which must be the audience of a token for `path`."""
        service = path.removesuffix(FEEDBACK)
        return (path, service) if self.signs_feedback_for_service and service != path else (path,)


STRICT = Profile()

PROFILES: Mapping[str, Profile] = {
    "strict": STRICT,
    # The public sandbox, run by yourself: it tolerates whatever CDS Hooks allows and needs nothing else.
    "sandbox": STRICT,
    # Da Vinci CRD is CDS Hooks and more of it; what it demands of every service (a topic on each card, 400 and 422 told
    # apart, unknown members passed over) is so for all.
    "crd": STRICT,
    # "CDS Hooks Tutorial", https://fhir.epic.com/Documentation?docId=cds-hooks, as it stood after February 2024.
    "epic": Profile(
        selection="any",
        one_action=True,
        shows_descriptions=True,
        plain_codes=True,
        carries_out=frozenset(
            (action, resource)
            for action in ("create", "delete")
            for resource in ("Condition", "MedicationRequest", "ServiceRequest")
        ),
        token_life=900,
        signs_feedback_for_service=True,
        stripped=(
            "In Epic, check that the address of this service is an Endpoint URI of the app, letter by letter, and that "
            "the app has the scopes for unsigned orders"
        ),
    ),
    # Cerner's page of September 2021 (fhir.cerner.com, branch cds-hooks): CDS Hooks 1.0, which knows one behaviour
    # alone and has a client treat a card with another one as an error.
    "oracle": Profile(selection="at-most-one"),
}
