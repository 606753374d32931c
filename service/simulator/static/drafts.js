// The list of orders that await a signature. A removed or signed order keeps its line, so that no other moves up.

export const nameOf = (order) => {
  const concept = order.code ?? order.codeCodeableConcept ?? order.medicationCodeableConcept ?? {};
  return concept.text ?? concept.coding?.[0]?.display ?? order.resourceType;
};

const UNITS = { h: "hour", d: "day", wk: "week" };

// The doses of a medicine: in words, or in numbers if a suggestion changed them.
export function doseOf(order) {
  return (order.dosageInstruction ?? []).map(instructionOf).filter(Boolean).join("; ");
}

function instructionOf({ text, timing, doseAndRate }) {
  const amount = doseAndRate?.[0]?.doseQuantity;
  const { frequency, period, periodUnit } = timing?.repeat ?? {};
  if (text) return text;
  if (amount?.value === undefined) return "";
  const span = `${period > 1 ? `${period} ` : ""}${UNITS[periodUnit] ?? periodUnit}`;
  const times = frequency === 1 ? "once" : `${frequency} times`;
  return `${amount.value} ${amount.unit ?? ""}${frequency ? `, ${times} per ${span}` : ""}`;
}

const priorityOf = (order) => order.priority ?? "routine";

const element = (tag, words, className = "") =>
  Object.assign(document.createElement(tag), { textContent: words, className });

// A value as it was and as it is now: the same words on the screen and for screen readers.
function change(before, now, className) {
  const line = element("span", "", className);
  if (before === undefined || before === now) line.append(now);
  else {
    line.append(element("span", "before: ", "unseen"), element("del", before || "none"));
    line.append(element("span", " now: "), element("ins", now || "none"));
  }
  return line;
}

export class Drafts {
  // `act` is called with "remove" or "restore", and the reference.
  constructor(record, act) {
    this.record = record;
    this.lines = new Map(); // by reference: the draft, and what became of it
    this.list = document.getElementById("drafts");
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]");
      if (button) act(button.dataset.act, button.dataset.remove, button);
    });
  }

  // Stops listing the orders that were removed or signed before.
  forget() {
    for (const [reference, line] of this.lines) if (line.became) this.lines.delete(reference);
  }

  became(reference, words) {
    const line = this.lines.get(reference);
    if (line) line.became = words;
  }

  nameOf(reference) {
    return nameOf(this.lines.get(reference)?.draft ?? {});
  }

  show() {
    const { drafts, before } = this.record;
    for (const [reference, draft] of drafts) this.lines.set(reference, { draft, before: before.get(reference), became: "" });
    for (const [reference, line] of this.lines) if (!drafts.has(reference)) this.#settle(reference, line);
    this.list.replaceChildren(...[...this.lines].map(([reference, line]) => this.#line(reference, line)));
    const count = drafts.size;
    document.getElementById("no-drafts").hidden = this.lines.size > 0;
    document.getElementById("unsigned").textContent = count;
    const unsigned = count ? `${count} ${count === 1 ? "draft is" : "drafts are"} unsigned.` : "No draft is unsigned.";
    document.getElementById("unsigned-note").textContent = unsigned;
    document.getElementById("unsigned-note").classList.toggle("none", !count);
    const sign = document.getElementById("sign");
    sign.disabled = !count;
    sign.textContent = count ? `Sign orders (${count})` : "Sign orders";
  }

  #settle(reference, line) {
    if (this.record.state(reference) === "ordered") line.became = "Ordered";
    else if (line.became === "Ordered") line.became = "Revoked";
    else if (!line.became) this.lines.delete(reference);
  }

  #line(reference, { draft, before, became }) {
    const line = element("li", "", became ? "over" : "unsigned");
    line.append(element("span", `${became || "Draft"}:`, "became")); // of one width, so that the words after it stay
    line.append(element("strong", nameOf(draft)));
    const isUrgent = priorityOf(draft) !== "routine" || (before && priorityOf(before) !== priorityOf(draft));
    line.append(change(before && priorityOf(before), priorityOf(draft), isUrgent ? "chip urgent" : "chip"));
    const dose = doseOf(draft);
    if (dose || (before && doseOf(before))) line.append(change(before && doseOf(before), dose, "note"));
    if (!became) line.append(this.#button("remove", "Remove", reference, draft));
    if (became === "Removed") line.append(this.#button("restore", "Undo", reference, draft));
    return line;
  }

  #button(act, words, reference, draft) {
    const button = element("button", words, "quiet");
    button.type = "button";
    Object.assign(button.dataset, { remove: reference, act });
    button.ariaLabel = act === "remove" ? `Remove ${nameOf(draft)}` : `Undo: keep ${nameOf(draft)}`;
    return button;
  }
}

