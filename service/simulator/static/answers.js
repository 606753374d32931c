// What the clinician answered, and how to take it back. The record tells what became of an accepted suggestion.

import { hold, topicOf } from "./pane.js";

const WORDS = { drafted: "Drafted", ordered: "Ordered", done: "Done" };
const MOST = 80; // characters of a label in a line

const brief = (words) => (words.length > MOST ? `${words.slice(0, MOST)} …` : words);
const adviceOf = (card) => `${topicOf(card)}|${card.indicator}|${card.summary}`;
const suggestionOf = (card, label) => `${topicOf(card)}|${label}`;

export class Answers {
  constructor(record) {
    this.record = record;
    this.accepted = new Map();
    this.overridden = new Map();
    this.begun = new Map(); // the part that was carried out of a suggestion that failed halfway
  }

  // Carries out the rest of a suggestion. Throws if a step fails; called again, it goes on from that step.
  async accept(card, suggestion, isOrdering) {
    const key = suggestionOf(card, suggestion.label);
    const answer = this.begun.get(key) ?? { label: suggestion.label, references: [], undos: [], next: 0, isRemoval: false };
    this.begun.set(key, answer);
    for (const action of (suggestion.actions ?? []).slice(answer.next)) {
      const { references, undo, isRemoval } = await this.record.apply(action, isOrdering);
      answer.references.push(...references);
      answer.undos.push(undo);
      answer.isRemoval ||= Boolean(isRemoval);
      answer.next += 1;
    }
    this.begun.delete(key);
    this.accepted.set(key, answer);
    return answer;
  }

  // Takes an accepted suggestion back, its last step first. Throws if a step fails; called again, it goes on from there.
  async takeBack(card, label) {
    const key = suggestionOf(card, label);
    const answer = this.accepted.get(key);
    while (answer?.undos.length) {
      await answer.undos.at(-1)();
      answer.undos.pop();
    }
    this.accepted.delete(key);
  }

  override(card, words) {
    this.overridden.set(adviceOf(card), words);
  }

  takeBackOverride(card) {
    this.overridden.delete(adviceOf(card));
  }

  overrideOf(card) {
    return this.overridden.get(adviceOf(card));
  }

  // "Drafted", "Ordered", "Done" or "Removed" for an accepted suggestion; empty for any other.
  standing(card, label) {
    const answer = this.accepted.get(suggestionOf(card, label));
    if (!answer) return "";
    const states = new Set(answer.references.map((reference) => this.record.state(reference)));
    if (answer.isRemoval && states.has("")) return "Removed";
    return WORDS[["drafted", "ordered", "done"].find((state) => states.has(state))] ?? "";
  }

  #say(line, standing) {
    const isOpen = standing === "Drafted" || standing === "Removed";
    fill(line, standing && `${standing}: ${brief(line.dataset.label)}.`, isOpen);
  }

  // Shows on a card how it was answered; `former` are the labels that the card in this place had before.
  decorate({ card, article, isGone, former = [] }) {
    const overridden = this.overrideOf(card);
    const labels = (card.suggestions ?? []).map(({ label }) => label);
    const standings = labels.map((label) => this.standing(card, label));
    if (article.isConnected && (overridden || isGone || standings.some(Boolean))) holdParts(article);
    const oneIsTaken = article.querySelector("[data-one-only]") && standings.some(Boolean);
    article.classList.toggle("answered", Boolean(overridden) || (isGone && standings.some(Boolean)));
    article.querySelectorAll("[data-suggestion]").forEach((button, number) => {
      const standing = standings[number];
      const line = article.querySelector(`[data-answer="${number}"]`);
      line.dataset.label = labels[number];
      this.#say(line, standing);
      button.hidden = Boolean(standing);
      button.disabled = Boolean(overridden || oneIsTaken || isGone);
    });
    const line = article.querySelector('[data-answer="override"]');
    fill(line, overridden && `Overridden: ${brief(overridden)}.`, true);
    article.querySelector(".override").hidden = Boolean(overridden || isGone);
    for (const label of former) this.#say(formerLine(article, label), this.standing(card, label));
    const state = article.querySelector(".card-state");
    state.textContent = overridden ? "Overridden" : [...standings, ...former.map((label) => this.standing(card, label))].find(Boolean) ?? "";
    if (isGone && !state.textContent) state.textContent = "No longer said";
    state.hidden = !state.textContent;
  }
}

// The line of a suggestion that was accepted and that the card no longer makes.
function formerLine(article, label) {
  const known = [...article.querySelectorAll(".former")].find((line) => line.dataset.label === label);
  if (known) return known;
  const line = Object.assign(document.createElement("p"), { className: "answer-line former" });
  Object.assign(line.dataset, { label, answer: "former" });
  article.querySelector("h3").after(line);
  return line;
}

// Keeps the height of what an answer replaces, so that the cards below stay where they are.
function holdParts(article) {
  article.querySelectorAll(".suggestions > li").forEach(hold);
  hold(article);
}

function fill(line, words, hasUndo) {
  line.hidden = !words;
  if (line.dataset.words === (words || "")) return; // a button that is in use stays the same
  line.dataset.words = words || "";
  line.replaceChildren();
  if (!words) return;
  line.append(Object.assign(document.createElement("span"), { textContent: words }));
  if (!hasUndo) return;
  const undo = Object.assign(document.createElement("button"), { type: "button", textContent: "Undo", className: "quiet undo" });
  undo.ariaLabel = `Undo: ${words}`;
  line.append(" ", undo);
}
