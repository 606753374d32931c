// Opening a chart: calls the hooks that its example or its address names, in turn, and shows the address's card.

import { isOrdering } from "./moments.js";
import { referenceOf } from "./record.js";

// Plays the moment that was asked for, after the chart was opened.
async function playAsked({ start, record, moments, play, choose, addProblem }) {
  const { hook: wanted, order } = start.asked;
  const hook = wanted || start.hook;
  const chosen = start.menu[order];
  if (hook === "patient-view") return;
  if (hook === "problem-list-item-create") {
    const condition = chosen ? record.instance(chosen) : start.conditions[0];
    if (condition) await addProblem(condition)();
    return;
  }
  if (chosen && isOrdering(hook)) await choose(record.instance(chosen), order);
  if (hook === "order-select" && chosen) return;
  const selections = hook === "order-select" ? start.drafts.map(referenceOf) : undefined;
  if (!isOrdering(hook)) await play(hook, {});
  else if (record.drafts.size) await play(hook, moments.ordering(selections));
}

function showLinked() {
  const topic = decodeURIComponent(location.hash).match(/^#card-(.+)$/)?.[1];
  const card = topic && [...document.querySelectorAll("article.card")].find((one) => one.dataset.topic === topic);
  if (!card) return;
  card.classList.add("linked");
  card.scrollIntoView({ block: "center" });
  card.focus({ preventScroll: true });
}

export async function open(page) {
  const { start, moments, engineer, drafts, client, note } = page;
  drafts.show();
  for (const [kind, why] of Object.entries(start.faults)) note(`${kind} could not be read: ${why}`);
  moments.services = await client.discover();
  engineer.services = moments.services;
  await page.play("patient-view", {});
  await playAsked(page);
  showLinked();
}
