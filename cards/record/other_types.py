"""The types of FHIR R4 that occur in charts, or come along in a search, and that no rule reads.

They are listed so that a body with one of them can still be decoded in one pass. A type that is missing here is still
read, but more slowly.
"""

from __future__ import annotations

OTHER_TYPES = (
    "Account", "AdverseEvent", "Appointment", "AppointmentResponse", "AuditEvent", "Basic", "Binary", "BodyStructure",
    "CarePlan", "CareTeam", "ChargeItem", "Claim", "ClaimResponse", "ClinicalImpression", "Communication",
    "CommunicationRequest", "Composition", "Consent", "Contract", "Coverage", "CoverageEligibilityRequest",
    "CoverageEligibilityResponse", "DetectedIssue", "DeviceDefinition", "DeviceMetric", "DeviceUseStatement",
    "DocumentManifest", "DocumentReference", "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare",
    "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal", "Group", "GuidanceResponse", "HealthcareService",
    "ImagingStudy", "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation", "InsurancePlan", "Invoice",
    "Library", "Linkage", "List", "Location", "MeasureReport", "Media", "MedicationAdministration",
    "MedicationDispense", "MedicationKnowledge", "MolecularSequence", "NutritionOrder", "Organization",
    "OrganizationAffiliation", "Parameters", "PaymentNotice", "PaymentReconciliation", "Person", "PlanDefinition",
    "Practitioner", "PractitionerRole", "Provenance", "Questionnaire", "QuestionnaireResponse", "RelatedPerson",
    "RequestGroup", "ResearchStudy", "ResearchSubject", "RiskAssessment", "Schedule", "Slot", "Specimen", "Substance",
    "SupplyDelivery", "SupplyRequest", "Task", "VisionPrescription",
)  # fmt: skip
