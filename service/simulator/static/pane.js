// A list of cards. Each keeps its place while its moment is shown. Cards that were answered or are no longer said stay,
// and new ones come last, so that nothing moves under the pointer.

import { failureCard } from "./failures.js";

const PATIENCE = 200; // milliseconds before the page shows that it is waiting
const VOLATILE = new Set(["uuid", "id", "authoredOn"]);

export const topicOf = (card) => card.source?.topic?.code ?? "";

// What a card advises, without the parts that are new in every answer.
const adviceOf = (card) => JSON.stringify(card, (name, value) => (VOLATILE.has(name) ? undefined : value));

const element = (tag, words, className = "") =>
  Object.assign(document.createElement(tag), { textContent: words, className });

// Keeps the height of an element, whatever is removed from it.
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
  // `name` is a prefix of ids; `decorate` is called for each card in the list: ({ card, article }).
  constructor(place, client, name, decorate = () => {}) {
    Object.assign(this, { place, client, name, decorate });
    this.slots = []; // { card, article, isGone, former }
    this.count = 0;
  }

  // Shows, after a while, that the page is waiting; returns a function that ends this. Cards that stay are not hidden.
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

  // Shows the cards of an answer. With `isKept`, the cards already in the list keep their places.
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

  // The slot with the service's new card on the same topic, which is taken out of `left`; gone if there is none.
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

  // Says why there are no cards, in their place.
  say(words) {
    if (!this.slots.length) this.#only(element("p", words, "silence"));
  }

  // Shows an error card: in place of the cards or, if they stay, inside the card that was used.
  fail(failure, retry, anchor) {
    const card = failureCard(failure, retry);
    if (anchor?.isConnected) anchor.append(card);
    else this.#only(card);
    return card;
  }

  // Adds a card that says what was not looked at, after the others.
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
