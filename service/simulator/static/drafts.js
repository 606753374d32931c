// The list of orders that await a signature.

const nameOf = (draft) => {
  const concept = draft.code ?? draft.codeCodeableConcept ?? draft.medicationCodeableConcept ?? {};
  return concept.text ?? concept.coding?.[0]?.display ?? draft.resourceType;
};

const element = (tag, words, className = "") =>
  Object.assign(document.createElement(tag), { textContent: words, className });

export class Drafts {
  constructor(record, remove) {
    this.record = record;
    this.list = document.getElementById("drafts");
    this.list.addEventListener("click", (event) => {
      const reference = event.target.closest("[data-remove]")?.dataset.remove;
      if (reference) remove(reference);
    });
  }

  show() {
    const { drafts } = this.record;
    this.list.replaceChildren(...[...drafts].map(([reference, draft]) => this.#line(reference, draft)));
    document.getElementById("no-drafts").hidden = drafts.size > 0;
    document.getElementById("sign").disabled = !drafts.size;
    document.getElementById("sign-anyway").hidden = true;
  }

  #line(reference, draft) {
    const line = document.createElement("li");
    const dose = draft.dosageInstruction?.[0]?.text;
    const remove = element("button", "Remove", "quiet");
    remove.type = "button";
    remove.dataset.remove = reference;
    remove.ariaLabel = `Remove ${nameOf(draft)}`;
    const priority = draft.priority ?? "routine";
    const chip = element("span", priority, priority === "routine" ? "chip" : "chip urgent");
    line.append(element("strong", nameOf(draft)), chip);
    if (dose) line.append(element("span", dose, "note"));
    line.append(remove);
    return line;
  }
}
