// One task at a time: each action of the clinician waits for the one before. A failure is shown at the control used.

import { asFailure, failureCard } from "./failures.js";

const find = (id) => document.getElementById(id);

// A task that a retry continues from the step that failed, so that nothing is done twice.
export function inSteps(...steps) {
  const left = [...steps];
  return async () => {
    for (; left.length; left.shift()) await left[0]();
  };
}

// What gets the focus when a control is gone or disabled: something in its card, its list, near it, or the title of the cards.
function placeOf(control) {
  const [card, line] = [control.closest("article.card"), control.closest("li")];
  const list = line?.closest("[id]");
  const number = list ? [...list.querySelectorAll("li")].indexOf(line) : -1;
  return () => {
    if (card?.isConnected) return card.querySelector(".answer-line:not([hidden]) button") ?? card;
    if (control.closest(".ordering") && !list) return find("signing");
    return list?.querySelectorAll("li")[number]?.querySelector("button") ?? list?.querySelector("button") ?? find("cds-title");
  };
}

export class Tasks {
  // `say` shows what failed; `tabs` knows whether this page is out of date; `after` is called when a task has ended.
  constructor(tabs, say, after) {
    Object.assign(this, { tabs, say, after, queue: Promise.resolve(), pending: new Set() });
  }

  // `anchor` is the control that was used; it does nothing more until its task has ended.
  doing(task, anchor) {
    if (anchor && this.pending.has(anchor)) return this.queue;
    if (anchor) this.pending.add(anchor);
    anchor?.setAttribute("aria-busy", "true");
    this.queue = this.queue.catch(() => {}).then(() => this.#run(task, anchor)); // a broken task does not stop the next
    return this.queue;
  }

  async #run(task, anchor) {
    document.body.ariaBusy = "true";
    const successor = anchor && document.activeElement === anchor ? placeOf(anchor) : null;
    anchor?.closest("article.card")?.querySelectorAll(".failure").forEach((part) => part.remove());
    try {
      await task().catch((failure) => this.failBeside(failure, anchor, () => this.doing(task, anchor)));
      this.after();
    } finally {
      this.pending.delete(anchor);
      anchor?.removeAttribute("aria-busy");
      document.body.ariaBusy = "false";
    }
    if (successor && (!anchor.isConnected || anchor.hidden || anchor.disabled)) successor().focus({ preventScroll: true });
  }

  // The error card appears at the control that was used. After any number of retries there is still only one.
  failBeside(error, anchor, again) {
    const failure = asFailure(error);
    const { isStale } = this.tabs;
    const retry = (card) => {
      if (isStale) return location.reload();
      card.remove();
      return again();
    };
    this.#put(failureCard(failure, retry, isStale ? "Open the chart again" : "Retry"), anchor);
    this.say(`${failure.word}: ${failure.message}`);
  }

  #put(card, anchor) {
    if (anchor?.matches("[data-remove]")) return find("drafts").after(card); // its lines are drawn again
    const around = anchor?.isConnected ? anchor.closest("article.card, li") : find("cards");
    if (around) return around.append(card);
    return (anchor.closest("form, .buttons") ?? anchor).after(card);
  }
}
