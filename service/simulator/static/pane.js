// A list of cards. Each keeps its place while its moment is shown: what was answered or is said no more is not taken
// away, and what is new comes last, so that nothing moves under the pointer.

import { failureCard } from "./failures.js";

const PATIENCE = 200; // milliseconds until waiting is shown
const VOLATILE = new Set(["uuid", "id", "authoredOn"]);

export const topicOf = (card) => card.source?.topic?.code ?? "";

// What a card advises, without what is new in every answer.
const adviceOf = (card) => JSON.stringify(card, (name, value) => (VOLATILE.has(name) ? undefined : value));

const element = (tag, words, className = "") =>
  Object.assign(document.createElement(tag), { textContent: words, className });

// Keeps an element as high as it is, whatever leaves it.
export function hold(part) {
  part.style.minHeight = `${part.getBoundingClientRect().height}px`;
}

function skeleton() {
  const card = element("div", "", "card skeleton");
  card.ariaHidden = "true";
  card.append(...["short", "", "half"].map((width) => element("div", "", `bone ${width}`)));
  return card;
}

export class Pane {
  // `name` is a prefix of ids; `decorate` is called for each card that stands here: ({ card, article }).
  constructor(place, client, name, decorate = () => {}) {
    Object.assign(this, { place, client, name, decorate });
    this.slots = []; // { card, article, isGone, former }
    this.count = 0;
  }

  // Shows that an answer is awaited, once that takes long; returns what ends it. Cards that stay are not hidden.
  wait(isKept) {
    this.place.ariaBusy = "true";
    const timer = setTimeout(() => {
      if (isKept) return this.place.classList.add("waiting");
      hold(this.place);
      this.#only(skeleton(), skeleton(), element("p", "Waiting for the service …", "silence"));
    }, PATIENCE);
    return () => {
      clearTimeout(timer);
      this.place.ariaBusy = "false";
      this.place.classList.remove("waiting");
    };
  }

  // The cards of an answer. With `isKept` those that stand here keep their places.
  async show(response, isKept) {
    const articles = await this.#articles(response.cards);
    if (!isKept) this.slots = [];
    this.place.querySelectorAll(":scope > :not(article.card), .failure").forEach((part) => part.remove());
    const left = response.cards.map((card, number) => ({ card, article: articles[number], isGone: false }));
    const kept = this.slots.map((slot) => this.#renewed(slot, left));
    this.slots = [...kept, ...left.filter(Boolean)];
    if (isKept) this.place.append(...this.slots.map(({ article }) => article).filter((article) => !article.isConnected));
    else this.place.replaceChildren(...this.slots.map(({ article }) => article));
    if (!isKept) this.place.style.minHeight = "";
    this.decorateAll();
  }

  // The slot with what the service says now of its topic, which leaves `left`; gone when it says nothing.
  #renewed(slot, left) {
    const number = left.findIndex((one) => one && topicOf(one.card) === topicOf(slot.card));
    if (number < 0 || !topicOf(slot.card)) {
      slot.isGone = true;
      return slot;
    }
    const found = left[number];
    left[number] = null;
    const labels = new Set((found.card.suggestions ?? []).map(({ label }) => label));
    const before = [...(slot.former ?? []), ...(slot.card.suggestions ?? []).map(({ label }) => label)];
    found.former = before.filter((label) => !labels.has(label));
    if (!slot.isGone && adviceOf(found.card) === adviceOf(slot.card)) return slot;
    found.article.style.minHeight = `${slot.article.getBoundingClientRect().height}px`;
    slot.article.replaceWith(found.article);
    return found;
  }

  async #articles(cards) {
    if (!cards.length) return [];
    const pane = `${this.name}-${this.count++}`;
    const told = { cards, pane, isForeign: Boolean(this.client.foreign) };
    const shown = await this.client.fragment("cards", told, "article.card");
    return [...shown.querySelectorAll("article.card")];
  }

  decorateAll() {
    for (const slot of this.slots) {
      slot.article.classList.toggle("gone", slot.isGone);
      this.decorate(slot);
    }
  }

  // Why there are no cards, in place of them.
  say(words) {
    if (!this.slots.length) this.#only(element("p", words, "silence"));
  }

  // An error card: in place of the cards, or where the cards stay, after the one that was pressed.
  fail(failure, retry, anchor) {
    const card = failureCard(failure, retry);
    if (anchor?.isConnected) anchor.append(card);
    else this.#only(card);
    return card;
  }

  // A card that says what was not looked at, after the others.
  warn(failure, retry) {
    if (!this.slots.length) this.place.replaceChildren();
    this.place.append(failureCard(failure, retry));
  }

  slotOf(part) {
    const article = part.closest("article.card");
    return this.slots.find((slot) => slot.article === article);
  }

  clear() {
    this.#only();
  }

  #only(...parts) {
    this.slots = [];
    this.place.replaceChildren(...parts);
  }
}
