"""The addresses of the code systems."""

from typing import Final

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10"
ICD10GM: Final = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
ATC: Final = "http://www.whocc.no/atc"
MEDRT: Final = "http://va.gov/terminology/medrt"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
EXAM: Final = "https://foot-drop-cds.example/fhir/CodeSystem/exam"
V3_INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
V2_0136: Final = "http://terminology.hl7.org/CodeSystem/v2-0136"
V2_0532: Final = "http://terminology.hl7.org/CodeSystem/v2-0532"
NCIT: Final = "urn:oid:2.16.840.1.113883.3.26.1.1"

SYSTEMS: Final = frozenset(
    {
        SNOMED,
        LOINC,
        ICD10CM,
        ICD10,
        ICD10GM,
        ATC,
        MEDRT,
        RXNORM,
        HCPCS,
        EXAM,
        V3_INTERPRETATION,
        V2_0136,
        V2_0532,
        NCIT,
    }
)
DOTTED: Final = frozenset({ICD10CM, ICD10, ICD10GM})
"""The systems whose codes have a dot after the third character; records may drop the dot or change the case."""
