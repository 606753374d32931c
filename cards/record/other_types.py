"""The types of FHIR R4 that stand in charts, or beside them in a search, and that no rule reads.

They are known so that one of them does not cost a body the one pass in which it is decoded; a type that is missing
here is read all the same, more slowly.
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
