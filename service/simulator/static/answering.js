// Answering a card: what it does to the record, and what the service is told about it.

import { Failure } from "./failures.js";
import { isOrdering } from "./moments.js";
import { inSteps } from "./tasks.js";

const find = (id) => document.getElementById(id);

export class Answering {
  // `page` has the functions refresh, replay and note, and the page's record, answers, moments, client and tasks.
  constructor(page) {
    Object.assign(this, page);
  }

  async accept(hook, card, suggestion, anchor) {
    if (!this.answers.standing(card, suggestion.label)) await this.#carryOut(hook, card, suggestion);
    this.moments.paneOf(hook).decorateAll();
    await this.refresh();
    await this.replay(hook, anchor);
    const acceptedSuggestions = suggestion.uuid ? [{ id: suggestion.uuid }] : [];
    await this.tell(hook, card, { outcome: "accepted", acceptedSuggestions }, anchor);
  }

  async #carryOut(hook, card, suggestion) {
    try {
      await this.answers.accept(card, suggestion, isOrdering(hook));
    } catch (failure) {
      await this.refresh().catch(() => {}); // part of it may be done
      throw failure;
    }
    const standing = this.answers.standing(card, suggestion.label);
    this.note(`Accepted: ${suggestion.label}${standing === "Drafted" ? " (drafted, not signed)" : ""}`);
  }

  async override(hook, card, { reason, comment }, anchor) {
    const chosen = card.overrideReasons?.[reason.value];
    const userComment = comment.value.trim();
    const display = chosen?.display ?? chosen?.code ?? "no reason given";
    this.answers.override(card, display);
    this.note(`Overridden (${display}): ${card.summary}`);
    this.moments.paneOf(hook).decorateAll();
    const overrideReason = { ...(chosen && { reason: chosen }), ...(userComment && { userComment }) };
    const given = chosen || userComment ? { overrideReason } : {};
    await this.tell(hook, card, { outcome: "overridden", ...given }, anchor);
  }

  // The task that takes back an accepted suggestion, the one with this label, or without a label the override.
  takingBack(hook, card, label, anchor) {
    const told = () => {
      this.note(`Taken back: ${label ?? card.summary}`);
      find("feedback").textContent += "\nTaken back on this page: CDS Hooks has no message for that.";
      this.moments.paneOf(hook).decorateAll();
    };
    if (label === undefined) return inSteps(() => this.answers.takeBackOverride(card), told);
    const read = () => this.replay(hook, anchor);
    return inSteps(() => this.answers.takeBack(card, label), told, () => this.refresh(), read);
  }

  // What the clinician did stays done, whether or not the service accepts the feedback.
  async tell(hook, card, answer, anchor) {
    if (!card.uuid) return;
    const service = this.moments.services.get(hook);
    const entry = { card: card.uuid, ...answer, outcomeTimestamp: new Date().toISOString() };
    const send = async () => {
      const body = { feedback: [entry] };
      const told = (what) => {
        const where = `POST ${this.client.services}/${service.id}/feedback`;
        find("feedback").textContent = `${where}\n${JSON.stringify(body, null, 2)}\n${what}`;
      };
      try {
        told((await this.client.feedback(service.id, body)) ? "Taken" : "The service has no endpoint for feedback.");
      } catch (failure) {
        told(`Not taken: ${failure.message}`);
        const title = "The service did not learn what became of this card";
        const words = new Failure(title, failure.why || failure.message, "What you did is done. Retry to send it to the service.");
        this.tasks.failBeside(words, anchor, () => this.tasks.doing(send, anchor));
      }
    };
    await send();
  }
}
