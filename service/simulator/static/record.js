// The patient's record and the orders being written, as this page's EHR holds them.

const ORDERS = new Set(["ServiceRequest", "DeviceRequest", "MedicationRequest"]);
const NOWHERE = "https://ehr.example/fhir";

export const referenceOf = (resource) => `${resource.resourceType}/${resource.id}`;

export const isDraft = (resource) => ORDERS.has(resource.resourceType) && resource.status === "draft";

const kindOf = (query) => query.split(/[?/]/)[0];

const codesOf = (part) => (part.code?.coding ?? []).map((coding) => coding.code);

const hasCode = (codes) => (resource) =>
  [resource, ...(resource.component ?? [])].flatMap(codesOf).some((code) => codes.has(code));

export class PatientRecord {
  // `write` files a resource on the FHIR server and returns what was stored; without it the page only remembers.
  constructor(start, write) {
    this.start = start;
    this.write = write ?? (async (_, resource) => resource);
    this.filed = new Map(start.records.map((resource) => [referenceOf(resource), resource]));
    const left = start.records.filter(isDraft); // on record, and still to be signed
    this.drafts = new Map([...left, ...start.drafts].map((draft) => [referenceOf(draft), draft]));
    this.changed = new Set();
  }

  records() {
    return [...this.filed.values()];
  }

  // A resource from a template: for this patient, by this user, now, with a temporary id.
  instance(template, more = {}) {
    const { patient, encounter, user } = this.start;
    const now = new Date().toISOString().replace(/\.\d+/, "");
    const resource = { ...structuredClone(template), ...more, id: crypto.randomUUID() };
    resource.subject = { reference: `Patient/${patient}` };
    if (encounter) resource.encounter = { reference: `Encounter/${encounter}` };
    if (resource.resourceType === "Condition") {
      return { ...resource, recordedDate: now, onsetDateTime: now.slice(0, 10) };
    }
    const requester = user.startsWith("Practitioner/") ? { requester: { reference: user } } : {};
    return { ...resource, authoredOn: now, ...requester };
  }

  choose(draft) {
    this.drafts.set(referenceOf(draft), draft);
    return referenceOf(draft);
  }

  async discard(reference) {
    const filed = this.filed.get(reference);
    if (filed) await this.write("DELETE", filed);
    this.filed.delete(reference);
    this.drafts.delete(reference);
  }

  async file(resource) {
    const isKnown = this.filed.has(referenceOf(resource));
    const stored = await this.write(isKnown ? "PUT" : "POST", resource);
    this.filed.delete(referenceOf(resource));
    this.filed.set(referenceOf(stored), stored);
    this.changed.add(referenceOf(stored));
    return stored;
  }

  async revoke(reference) {
    const resource = this.filed.get(reference);
    const status = resource.resourceType.startsWith("Medication") ? "stopped" : "revoked";
    this.drafts.delete(reference);
    await this.file({ ...resource, status });
  }

  async sign() {
    for (const [reference, draft] of [...this.drafts]) {
      await this.file({ ...draft, status: "active" });
      this.drafts.delete(reference);
    }
  }

  // Carries out a suggestion's action. While orders are written a new order joins them, else it is filed as a draft.
  async apply(action, isOrdering) {
    if (action.type === "delete") {
      for (const reference of [action.resourceId].flat()) await this.discard(reference);
      return;
    }
    const resource = action.resource;
    const reference = referenceOf(resource);
    if (isOrdering && ORDERS.has(resource.resourceType)) {
      this.drafts.set(reference, resource);
      if (this.filed.has(reference)) await this.file(resource);
      return;
    }
    const stored = await this.file(resource);
    this.drafts.delete(reference);
    if (isDraft(stored)) this.drafts.set(referenceOf(stored), stored);
  }

  // The answers to a service's prefetch templates, taken from the record.
  prefetch(templates) {
    return Object.fromEntries(
      Object.entries(templates)
        .filter(([, query]) => !(kindOf(query) in this.start.faults))
        .map(([key, query]) => [key, query.includes("?") ? this.#search(query) : this.#read(query)]),
    );
  }

  #read(query) {
    return this.records().find((resource) => resource.resourceType === kindOf(query)) ?? null;
  }

  #search(query) {
    const codes = new URLSearchParams(query.split("?")[1]).get("code");
    const ofKind = this.records().filter((resource) => resource.resourceType === kindOf(query));
    return this.bundle(codes ? ofKind.filter(hasCode(new Set(codes.split(",")))) : ofKind, "searchset");
  }

  bundle(resources, type = "collection") {
    const base = this.start.server || NOWHERE;
    const entry = resources.map((resource) => ({ fullUrl: `${base}/${referenceOf(resource)}`, resource }));
    return { resourceType: "Bundle", type, entry };
  }
}
