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
  // `write` files a resource on the FHIR server and returns what was stored; without it, only the page keeps it.
  constructor(start, write) {
    this.start = start;
    this.write = write ?? (async (_, resource) => resource);
    this.filed = new Map(start.records.map((resource) => [referenceOf(resource), resource]));
    const left = start.records.filter(isDraft); // on record, but not yet signed
    this.drafts = new Map([...left, ...start.drafts].map((draft) => [referenceOf(draft), draft]));
    this.changed = new Set();
    this.removals = new Map(); // by reference: the function that puts it back
    this.unsure = new Set(); // references of resources whose write was not answered
    this.before = new Map(); // by reference: a draft as it was before a suggestion changed it
    this.renamed = new Map(); // by temporary reference: the one that the server assigned
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

  // The current reference of a resource that once had this one.
  known(reference) {
    return this.renamed.has(reference) ? this.known(this.renamed.get(reference)) : reference;
  }

  // The version of a resource that was read last, if the server counts versions.
  version(resource) {
    return this.filed.get(referenceOf(resource))?.meta?.versionId;
  }

  // Whether a resource is drafted, ordered or done; empty if it is missing or no longer in force.
  state(reference) {
    const known = this.known(reference);
    if (this.drafts.has(known)) return "drafted";
    const status = this.filed.get(known)?.status;
    if (status === "active" || status === "on-hold") return "ordered";
    return status === "completed" || (this.filed.has(known) && !status) ? "done" : "";
  }

  // Removes a resource, and returns a function that puts it back. Called again, it goes on from the step that failed.
  async discard(reference) {
    const known = this.known(reference);
    const draft = this.drafts.get(known);
    if (draft && this.unsure.has(known) && !this.filed.has(known)) await this.file(draft); // it may be stored: this finds out where
    const there = this.known(known);
    const filed = this.filed.get(there);
    if (!filed && !draft) return this.removals.get(there) ?? (async () => {});
    if (filed) await this.#written("DELETE", filed);
    for (const one of [known, there]) [this.filed, this.drafts].forEach((held) => held.delete(one));
    const again = filed && { ...filed, id: crypto.randomUUID() };
    const putBack = async () => {
      const stored = filed ? await this.file(again) : draft;
      if (filed) this.renamed.set(there, referenceOf(stored));
      if (draft) this.drafts.set(referenceOf(stored), filed ? stored : draft);
    };
    this.removals.set(there, putBack);
    return putBack;
  }

  // Writes to the server. Until the server answers, it is not known what is stored.
  async #written(method, resource) {
    this.unsure.add(referenceOf(resource));
    const stored = await this.write(method, resource);
    this.unsure.delete(referenceOf(resource));
    return stored;
  }

  async file(resource) {
    const reference = referenceOf(resource);
    const stored = await this.#written(this.filed.has(reference) ? "PUT" : "POST", resource);
    if (reference !== referenceOf(stored)) {
      this.filed.delete(reference);
      this.renamed.set(reference, referenceOf(stored));
    }
    this.filed.set(referenceOf(stored), stored);
    this.changed.add(referenceOf(stored));
    return stored;
  }

  async revoke(reference) {
    const resource = this.filed.get(reference);
    const status = resource.resourceType.startsWith("Medication") ? "stopped" : "revoked";
    const revoked = await this.file({ ...resource, status });
    this.drafts.delete(reference);
    return revoked;
  }

  // Signs these drafts, except those that have changed. Signed drafts stay signed if a later one fails.
  async sign(drafts) {
    for (const [reference, draft] of drafts) {
      if (this.drafts.get(reference) !== draft) continue;
      await this.file({ ...draft, status: "active" });
      this.drafts.delete(reference);
      this.before.delete(reference);
    }
  }

  // Carries out a suggestion's action: { references, undo }. On an ordering hook, a new order joins the orders that are
  // being written; on any other hook it is filed as a draft.
  async apply(action, isOrdering) {
    if (action.type === "delete") {
      const references = [action.resourceId].flat();
      const undos = [];
      for (const reference of references) undos.push(await this.discard(reference));
      const undo = async () => {
        for (; undos.length; undos.pop()) await undos.at(-1)();
      };
      return { references, isRemoval: true, undo };
    }
    const resource = action.resource;
    const reference = referenceOf(resource);
    const [filed, draft] = [this.filed.get(reference), this.drafts.get(reference)];
    if (draft && !this.before.has(reference)) this.before.set(reference, draft);
    const stays = isOrdering && ORDERS.has(resource.resourceType);
    const stored = stays && !filed ? resource : await this.file(resource);
    this.drafts.delete(stays ? "" : reference);
    if (stays || isDraft(stored)) this.drafts.set(referenceOf(stored), stored);
    return { references: [referenceOf(stored)], undo: () => this.#restore(stored, filed, draft) };
  }

  async #restore(stored, filed, draft) {
    const reference = this.known(referenceOf(stored));
    if (filed) await this.file(filed);
    else if (this.filed.has(reference)) await this.discard(reference);
    this.before.delete(reference);
    if (draft) this.drafts.set(referenceOf(draft), draft);
    else this.drafts.delete(reference);
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
