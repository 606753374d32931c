"""The addresses of the code systems."""

from typing import Final

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
EXAM: Final = "https://foot-drop-cds.example/fhir/CodeSystem/exam"
V3_INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
V2_0136: Final = "http://terminology.hl7.org/CodeSystem/v2-0136"
NCIT: Final = "urn:oid:2.16.840.1.113883.3.26.1.1"

SYSTEMS: Final = frozenset({SNOMED, LOINC, ICD10CM, RXNORM, HCPCS, EXAM, V3_INTERPRETATION, V2_0136, NCIT})
