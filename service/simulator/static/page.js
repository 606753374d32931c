// The chart page: what each control does.

import { Answering } from "./answering.js";
import { Answers } from "./answers.js";
import { Client } from "./client.js";
import { Drafts, nameOf } from "./drafts.js";
import { Engineer } from "./engineer.js";
import { failureCard, stale, unwritten } from "./failures.js";
import { Moments, isOrdering } from "./moments.js";
import { hold } from "./pane.js";
import { open } from "./opening.js";
import { PatientRecord } from "./record.js";
import { Steady } from "./steady.js";
import { Tabs } from "./tabs.js";

const start = JSON.parse(document.getElementById("start").textContent);
const find = (id) => document.getElementById(id);
const client = new Client(find("main").dataset.root, start.asked.service);
const tabs = new Tabs(start, () => note("This patient was changed in another tab: open the chart again."));
const record = new PatientRecord(start, start.server ? write : null);
const answers = new Answers(record);
const moments = new Moments(start, client, record, answers);
const engineer = new Engineer(client, (request) => moments.explain(request));
moments.engineer = engineer;
engineer.faults = start.faults;
const answering = new Answering({ record, answers, moments, client, note, refresh, replay, failBeside, doing });
const steady = new Steady(find("main"), () => say("That had just moved: nothing was done. Press it again."));
const say = (words) => (find("status").textContent = words);

async function write(method, resource) {
  if (tabs.isStale) throw stale();
  const stored = await client.write(start.server, method, resource).catch((error) => {
    throw unwritten(nameOf(resource), error.why || error.message);
  });
  tabs.tell();
  return stored;
}

// One task at a time: each action of the clinician waits for the one before. `anchor` is the control that was used.
let queue = Promise.resolve();
function doing(task, anchor) {
  queue = queue.then(async () => {
    document.body.ariaBusy = "true";
    const hadFocus = anchor && document.activeElement === anchor;
    const card = anchor?.closest("article.card");
    card?.querySelectorAll(".failure").forEach((part) => part.remove());
    try {
      await task();
    } catch (failure) {
      failBeside(failure, anchor, () => doing(task, anchor));
    }
    closeOldCheck();
    document.body.ariaBusy = "false";
    // The control that had the focus may have gone: the next one of its card has it, or the cards.
    if (hadFocus && (!anchor.isConnected || anchor.hidden)) focusNear(card);
  });
  return queue;
}

function focusNear(card) {
  const next = card?.isConnected ? (card.querySelector(".answer-line:not([hidden]) button") ?? card) : find("cds-title");
  next.focus({ preventScroll: true });
}

// The error card stands at the control that was used. It says the same once, however often it is tried again.
function failBeside(failure, anchor, again) {
  const isStale = tabs.isStale;
  const retry = (card) => {
    if (isStale) return location.reload();
    card.remove();
    return again();
  };
  const card = failureCard(failure, retry, isStale ? "Open the chart again" : "Retry");
  const place = anchor?.isConnected ? anchor.closest("article.card") : find("cards");
  if (place) place.append(card);
  else (anchor.closest("li, form, .buttons") ?? anchor).after(card);
  say(`Not done: ${failure.message}`);
}

function note(words) {
  const item = document.createElement("li");
  item.textContent = words;
  find("activity").prepend(item);
  find("no-activity").hidden = true;
}

// The record and the drafts as they are now.
async function refresh() {
  moments.changes += 1;
  const html = await client.fragment("record", { records: record.records(), changed: [...record.changed] });
  const open = [...document.querySelectorAll("#record details[open]")].map((part) => part.dataset.open);
  steady.keep(() => {
    find("record").innerHTML = html;
    for (const part of document.querySelectorAll("#record details")) part.open = open.includes(part.dataset.open);
    drafts.show();
  });
}

function play(hook, more, anchor = null) {
  return moments.play(hook, more, { anchor, retry: () => doing(() => play(hook, more, anchor)) });
}

// The same moment again, after a change: the cards keep their places.
async function replay(hook, anchor) {
  if (isOrdering(hook) && !record.drafts.size) {
    await moments.paneOf(hook).show({ cards: [] }, true);
    return moments.say(hook, "No order is being written.");
  }
  const { more } = moments.calls.get(hook) ?? { more: {} };
  const selections = (more.selections ?? []).filter((reference) => record.drafts.has(reference));
  const ordering = isOrdering(hook) ? moments.ordering(hook === "order-sign" ? undefined : selections) : {};
  await play(hook === "problem-list-item-create" ? "patient-view" : hook, ordering, anchor);
  return showSigning();
}

// Beside the button that signs: its cards, and the way past them.
function showSigning() {
  const called = moments.calls.get("order-sign");
  const left = moments.signing.slots.some((slot) => !slot.isGone && !answers.overrideOf(slot.card));
  find("sign-anyway").hidden = !called || !record.drafts.size;
  find("sign-anyway").textContent = called?.failure ? "Sign without the check" : left || called?.doubt ? "Sign anyway" : "Sign";
}

// What was checked before signing holds for those very drafts alone.
function closeOldCheck() {
  if (!moments.checked || moments.checked === moments.written()) return;
  moments.checked = "";
  moments.calls.delete("order-sign");
  hold(find("signing"));
  moments.signing.clear();
  find("sign-anyway").hidden = true;
  moments.say("order-sign", "The drafts have changed since they were checked: sign them again.");
}

async function askToSign() {
  Object.assign(find("signing"), { hidden: false }).style.minHeight = "";
  find("sign-anyway").hidden = true;
  const called = await play("order-sign", moments.ordering());
  if (!called.response.cards.length && !called.failure && !called.doubt) return signAll();
  return showSigning();
}

async function signAll() {
  const count = record.drafts.size;
  try {
    await record.sign();
  } catch (failure) {
    await refresh(); // some may be signed
    throw failure;
  }
  moments.checked = "";
  hold(find("signing"));
  moments.signing.clear();
  find("sign-anyway").hidden = true;
  const words = `${count} ${count === 1 ? "order is" : "orders are"} signed.`;
  moments.say("order-sign", words);
  note(words);
  await refresh();
  await play("patient-view", {});
}

async function addProblem(condition) {
  await play("problem-list-item-create", { conditions: record.bundle([condition]) });
  await record.file(condition);
  note(`Problem added: ${nameOf(condition)}`);
  await refresh();
}

async function choose(draft, words) {
  drafts.forget();
  const reference = record.choose(draft);
  note(`Order chosen: ${words}`);
  drafts.show();
  await play("order-select", moments.ordering([reference]));
}

const removed = new Map(); // by reference: what puts it back
const drafts = new Drafts(record, (act, reference, button) =>
  doing(async () => {
    if (act === "remove") {
      if (!removed.has(reference)) removed.set(reference, await record.discard(reference));
      drafts.became(reference, "Removed");
      note("Order removed");
    } else {
      await removed.get(reference)?.();
      removed.delete(reference);
      drafts.lines.delete(reference);
      note("Order put back");
    }
    await refresh();
    await replay(moments.current, find("drafts"));
  }, button),
);

for (const pane of [moments.side, moments.signing]) {
  const hookOf = () => (pane === moments.signing ? "order-sign" : moments.current);
  pane.place.addEventListener("click", (event) => {
    const button = event.target.closest("button, .card-link");
    const slot = button && pane.slotOf(button);
    if (!slot) return;
    const [hook, { card }] = [hookOf(), slot];
    const { label } = button.closest("[data-answer]")?.dataset ?? {};
    if (button.matches(".undo")) doing(() => answering.takeBack(hook, card, label, button), button);
    if (button.matches("[data-suggestion]")) {
      button.disabled = true;
      const done = doing(() => answering.accept(hook, card, card.suggestions[button.dataset.suggestion], button), button);
      done.then(() => pane.decorateAll()); // after a failure it may be tried again
    }
    if (button.matches(".card-link")) {
      event.preventDefault();
      history.replaceState(null, "", button.href);
      navigator.clipboard?.writeText(button.href).catch(() => {});
      say("The link to this card stands in the address bar, and is copied.");
    }
  });
  pane.place.addEventListener("submit", (event) => {
    event.preventDefault();
    const [hook, { card }] = [hookOf(), pane.slotOf(event.target)];
    doing(() => answering.override(hook, card, event.target.elements, event.submitter), event.submitter);
  });
}

find("record").addEventListener("click", (event) => {
  const button = event.target.closest("[data-revoke]");
  if (!button) return;
  doing(async () => {
    await record.revoke(button.dataset.revoke);
    note("Revoked");
    await refresh();
    await play("patient-view", {});
  }, button);
});

find("order-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { key, priority } = event.target.elements;
  const draft = record.instance(start.menu[key.value], { priority: priority.value });
  doing(() => choose(draft, key.selectedOptions[0].text), event.submitter);
});

find("problem-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { key, side } = event.target.elements;
  const site = side.value && { bodySite: [start.sides[side.value]] };
  const condition = record.instance(start.menu[key.value], site || {});
  doing(() => addProblem(condition), event.submitter);
});

find("sign").addEventListener("click", () => doing(() => askToSign(), find("sign")));
find("sign-anyway").addEventListener("click", () => doing(() => signAll(), find("sign-anyway")));
find("discharge").addEventListener("click", () => doing(() => play("encounter-discharge", {}), find("discharge")));
find("with-prefetch")?.addEventListener("change", () => doing(() => play("patient-view", {})));
for (const button of document.querySelectorAll("[data-hook]")) {
  const { hook } = button.dataset;
  const again = () => doing(() => play(hook, moments.calls.get(hook).more));
  button.addEventListener("click", () => doing(() => moments.reshow(hook, again), button));
}

// Until the services are known nothing can be asked: discovery is tried again as a whole.
async function opened() {
  try {
    await open({ start, record, moments, engineer, drafts, client, note, play, choose, addProblem });
    showSigning();
    if (moments.calls.has("order-sign")) find("signing").hidden = false;
  } catch (failure) {
    moments.side.fail(failure, () => doing(opened));
    moments.say("patient-view", `Not checked: ${failure.message}.`);
  }
}
doing(opened);
