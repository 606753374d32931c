// The moments at which the service is asked: it calls a hook, shows the cards, and says what was looked at.

import { Failure } from "./failures.js";
import { Pane } from "./pane.js";

const find = (id) => document.getElementById(id);

const element = (tag, words, className = "") =>
  Object.assign(document.createElement(tag), { textContent: words, className });

export const isOrdering = (hook) => hook.startsWith("order-");

const counted = (cards) => {
  const critical = cards.filter(({ indicator }) => indicator === "critical").length;
  const words = `${cards.length || "No"} ${cards.length === 1 ? "card" : "cards"}`;
  return critical ? `${words} (${critical} critical)` : words;
};

// Resolves once the changes are on the screen. A hidden page draws nothing, so the wait there is short.
const drawn = () =>
  new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, 100);
  });

export class Moments {
  constructor(start, client, record, answers) {
    Object.assign(this, { start, client, record });
    this.services = new Map(); // by hook
    this.calls = new Map(); // by hook: the last request and its answer
    this.changes = 0; // number of changes to the record
    this.current = "patient-view";
    this.checked = ""; // the drafts at the last check before signing
    const decorate = (hook) => (slot) => {
      answers.decorate(slot);
      this.#link(hook(), slot);
    };
    this.side = new Pane(find("cards"), client, "side", decorate(() => this.current));
    this.signing = new Pane(find("sign-cards"), client, "signing", decorate(() => "order-sign"));
  }

  paneOf(hook) {
    return hook === "order-sign" ? this.signing : this.side;
  }

  say(hook, words) {
    find(hook === "order-sign" ? "sign-status" : "status").textContent = words;
  }

  // The orders that are being written, as text for comparison.
  written() {
    return JSON.stringify([...this.record.drafts.values()]);
  }

  // What the orders that are being written add to a request.
  ordering(selections) {
    const draftOrders = this.record.bundle([...this.record.drafts.values()]);
    const chosen = selections?.length ? selections : [...this.record.drafts.keys()];
    return selections ? { selections: chosen, draftOrders } : { draftOrders };
  }

  #request(hook, more) {
    const { user, patient, encounter, server } = this.start;
    const context = { userId: user, patientId: patient, ...more };
    if (encounter) context.encounterId = encounter;
    const request = { hook, hookInstance: crypto.randomUUID(), context };
    if (server) request.fhirServer = server;
    const templates = this.services.get(hook)?.prefetch ?? {};
    if (find("with-prefetch")?.checked ?? true) request.prefetch = this.record.prefetch(templates);
    return request;
  }

  // Calls a hook and shows the answer. With `anchor`, a part of a card, the cards that are shown keep their places.
  // `retry` does the same again.
  async play(hook, more = {}, { anchor = null, retry } = {}) {
    const begun = performance.now();
    const pane = this.paneOf(hook);
    const isKept = Boolean(anchor);
    const called = { request: this.#request(hook, more), more, response: { cards: [] }, failure: null, doubt: false };
    this.calls.set(hook, called);
    if (hook === "order-sign") this.checked = this.written();
    else this.current = hook;
    this.say(hook, "Calling the service …");
    const ended = pane.wait(isKept);
    try {
      Object.assign(called, await this.client.call(this.#idOf(hook), called.request));
      await pane.show(called.response, isKept);
    } catch (failure) {
      called.failure = failure;
      pane.fail(failure, retry, anchor?.closest("article.card"));
    }
    ended();
    called.beyond = performance.now() - begun - (called.milliseconds ?? 0);
    called.changes = this.changes;
    await this.#told(hook, called, retry);
    return called;
  }

  #idOf(hook) {
    const service = this.services.get(hook);
    const todo = "Nothing was checked. Choose a service whose discovery lists it.";
    if (!service) throw new Failure("The service does not answer this hook", hook, todo, "Not checked");
    return service.id;
  }

  // Shows a hook's last answer again; calls the hook again if the record has changed since.
  async reshow(hook, retry) {
    const called = this.calls.get(hook);
    if (called.failure || (called.changes !== this.changes && !isOrdering(hook))) return this.play(hook, called.more, { retry });
    this.current = hook;
    await this.paneOf(hook).show(called.response, false);
    await this.#told(hook, called, retry);
    return called;
  }

  async #told(hook, called, retry) {
    const { response, milliseconds, failure, beyond } = called;
    const answered = `answered in ${milliseconds?.toFixed(0)} ms`;
    this.say(hook, failure ? `Not checked: ${failure.message}.` : `${counted(response.cards)}, ${answered}`);
    find("timing").textContent = failure ? "" : `${hook}: ${answered}, on the screen ${beyond.toFixed(0)} ms later`;
    find("timing").dataset.beyond = failure ? "" : beyond.toFixed(1);
    for (const button of document.querySelectorAll("[data-hook]")) this.#tab(button);
    this.#beside(hook, failure ? "Not checked." : `${counted(response.cards)}.`, failure ? "Show why" : "Show them");
    await drawn(); // first the cards, then what lies behind them
    this.engineer.took(this.services.get(hook) ?? {}, called);
    if (!failure) await this.#lookedAt(hook, called, retry);
  }

  #tab(button) {
    const called = this.calls.get(button.dataset.hook);
    button.disabled = !called;
    button.ariaPressed = String(button.dataset.hook === this.current);
    button.querySelector(".count").textContent = called ? (called.failure ? "!" : called.response.cards.length) : "";
  }

  // Says next to the button that asked how many cards came, with a button that leads to them.
  #beside(hook, words, onward) {
    const line = document.querySelector(`[data-asked="${hook}"]`);
    if (!line) return;
    const way = Object.assign(element("button", onward, "quiet"), { type: "button" });
    way.addEventListener("click", () => {
      find("cds-title").scrollIntoView({ block: "start" });
      find("cds-title").focus({ preventScroll: true });
    });
    line.replaceChildren(element("span", words), " ", way);
  }

  // Shows the verdicts on a request, and returns what they looked at. Null for another service, which gives no verdicts.
  async explain(request) {
    if (this.client.foreign) {
      find("verdicts").replaceChildren(element("p", "Another service was called, and it gives no verdicts.", "verdicts empty"));
      return null;
    }
    find("verdicts").replaceChildren(await this.client.fragment("verdicts", request, "#looked-at"));
    const { rules, unevaluated } = find("looked-at").dataset;
    const unseen = [...find("looked-at").querySelectorAll("[data-not-seen]")].map((line) => line.textContent);
    return { rules: Number(rules), unevaluated: Number(unevaluated), unseen };
  }

  // An answer without cards counts as silence only once it is known what was looked at.
  async #lookedAt(hook, called, retry) {
    const pane = this.paneOf(hook);
    pane.say("No cards came. Reading what was looked at …");
    let looked;
    try {
      looked = await this.explain(called.request);
    } catch (failure) {
      called.doubt = true;
      find("verdicts").replaceChildren(element("p", failure.message, "verdicts fault"));
      const todo = "The absence of other cards means nothing. Retry.";
      return pane.warn(new Failure("What was looked at is not known", failure.why || failure.message, todo, "In doubt"), retry);
    }
    if (!looked) return pane.say("This service sent no card. What it looked at is not known.");
    if (looked.unseen.length) {
      called.doubt = true;
      const todo = "The absence of cards about these means nothing. Check that the FHIR server answers, then retry.";
      return pane.warn(new Failure("Not everything could be checked", looked.unseen.join("; "), todo, "In doubt"), retry);
    }
    const left = looked.unevaluated ? ` ${looked.unevaluated} of them could not be evaluated: the reasons are below.` : "";
    return pane.say(`No cards: ${looked.rules} rules looked at this record, and there is nothing to say.${left}`);
  }

  // The link to this patient, hook and card.
  #link(hook, { card, article }) {
    const link = article.querySelector(".card-link");
    if (!link) return;
    const url = new URL(location.href);
    url.searchParams.set("hook", hook);
    url.hash = `card-${card.source?.topic?.code ?? ""}`;
    link.href = url.href;
  }
}
