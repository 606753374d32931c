// The chart page: what each control does.

import { Answering } from "./answering.js";
import { Answers } from "./answers.js";
import { Client } from "./client.js";
import { Drafts, nameOf } from "./drafts.js";
import { Engineer } from "./engineer.js";
import { stale, unshown, unwritten } from "./failures.js";
import { Moments, isOrdering } from "./moments.js";
import { hold } from "./pane.js";
import { open } from "./opening.js";
import { PatientRecord } from "./record.js";
import { Steady } from "./steady.js";
import { Tabs } from "./tabs.js";
import { Tasks, inSteps } from "./tasks.js";

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
const say = (words) => (find("status").textContent = words);
const tasks = new Tasks(tabs, say, closeOldCheck);
const doing = (task, anchor) => tasks.doing(task, anchor);
const answering = new Answering({ record, answers, moments, client, note, refresh, replay, tasks });
const steady = new Steady(find("main"), () => say("That control had just moved, so nothing was done. Press it again."));

async function write(method, resource) {
  if (tabs.isStale) throw stale(tabs.where);
  try {
    return await client.write(start.server, method, resource, record.version(resource));
  } catch (error) {
    if (error.isOvertaken) tabs.overtaken("by somebody else");
    if (error.isOvertaken) throw Object.assign(error, { title: `${nameOf(resource)}: ${error.title}` });
    throw unwritten(nameOf(resource), error.why || error.message, method);
  } finally {
    tabs.tell(); // even if it is not known whether the record has changed
  }
}

function note(words) {
  const item = document.createElement("li");
  item.textContent = words;
  find("activity").prepend(item);
  find("no-activity").hidden = true;
}

// Shows the record and the drafts as they are now.
async function refresh() {
  moments.changes += 1;
  const told = { records: record.records(), changed: [...record.changed], unread: Object.keys(start.faults) };
  const shown = await client.fragment("record", told, ".banner").catch((failure) => {
    steady.keep(() => drafts.show());
    throw unshown(failure);
  });
  const open = [...document.querySelectorAll("#record details[open]")].map((part) => part.dataset.open);
  steady.keep(() => {
    find("record").replaceChildren(shown);
    for (const part of document.querySelectorAll("#record details")) part.open = open.includes(part.dataset.open);
    drafts.show();
  });
}

// After an action that failed halfway: shows what can be read of the result, and passes the failure on.
const refreshAfter = (failure) =>
  refresh()
    .catch(() => {})
    .then(() => Promise.reject(failure));

function play(hook, more, anchor = null, again = () => play(hook, more, anchor)) {
  return moments.play(hook, more, { anchor, retry: () => doing(again) });
}

// Plays the same moment again after a change; the cards keep their places.
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

// Shows, next to the button that signs, the button that signs despite the cards.
function showSigning() {
  const called = moments.calls.get("order-sign");
  const left = moments.signing.slots.some((slot) => !slot.isGone && !answers.overrideOf(slot.card));
  find("sign-anyway").hidden = !called || !record.drafts.size;
  find("sign-anyway").textContent = called?.failure ? "Sign without the check" : left || called?.doubt ? "Sign anyway" : "Sign";
}

// A check before signing is valid only for the drafts that were checked.
function closeOldCheck() {
  if (!moments.checked || moments.checked === moments.written()) return;
  moments.checked = "";
  moments.calls.delete("order-sign");
  hold(find("signing"));
  moments.signing.clear();
  find("sign-anyway").hidden = true;
  moments.say("order-sign", "The drafts have changed since they were checked: sign them again.");
}

// Asks the service, and signs at once if it says nothing. A retry asks again, or signs what is left.
function askToSign() {
  let signing = null;
  return async function ask() {
    if (signing) return signing();
    Object.assign(find("signing"), { hidden: false }).style.minHeight = "";
    find("sign-anyway").hidden = true;
    const called = await play("order-sign", moments.ordering(), null, ask);
    if (called.response.cards.length || called.failure || called.doubt) return showSigning();
    signing = signAll();
    return signing();
  };
}

// Signs the drafts as they are now. A draft that is changed before a retry was not checked, and is left unsigned.
function signAll() {
  const drafted = [...record.drafts];
  return inSteps(
    () => record.sign(drafted).catch(refreshAfter), // some may already be signed
    () => {
      moments.checked = "";
      hold(find("signing"));
      moments.signing.clear();
      find("sign-anyway").hidden = true;
      steady.keep(() => drafts.show());
      const count = drafted.filter(([reference]) => record.state(reference) === "ordered").length;
      const words = `${count} ${count === 1 ? "order is" : "orders are"} signed.`;
      moments.say("order-sign", words);
      note(words);
    },
    refresh,
    () => play("patient-view", {}),
  );
}

function addProblem(condition) {
  return inSteps(
    () => play("problem-list-item-create", { conditions: record.bundle([condition]) }),
    () => record.file(condition),
    () => note(`Problem added: ${nameOf(condition)}`),
    refresh,
  );
}

async function choose(draft, words) {
  drafts.forget();
  const reference = record.choose(draft);
  note(`Order chosen: ${words}`);
  drafts.show();
  await play("order-select", moments.ordering([reference]));
}

const removed = new Map(); // by reference: what puts it back
const drafts = new Drafts(record, (act, reference, button) => {
  const remove = async () => {
    removed.set(reference, await record.discard(reference));
    drafts.became(reference, "Removed");
    note(`Order removed: ${drafts.nameOf(reference)}`);
  };
  const putBack = async () => {
    await removed.get(reference)?.();
    note(`Order put back: ${drafts.nameOf(reference)}`);
    drafts.lines.delete(reference);
  };
  const deed = act === "remove" ? remove : putBack;
  return doing(inSteps(deed, refresh, () => replay(moments.current, find("drafts"))), button);
});

for (const pane of [moments.side, moments.signing]) {
  const hookOf = () => (pane === moments.signing ? "order-sign" : moments.current);
  pane.place.addEventListener("click", (event) => {
    const button = event.target.closest("button, .card-link");
    const slot = button && pane.slotOf(button);
    if (!slot) return;
    const [hook, { card }] = [hookOf(), slot];
    const { label } = button.closest("[data-answer]")?.dataset ?? {};
    if (button.matches(".undo")) doing(answering.takingBack(hook, card, label, button), button);
    if (button.matches("[data-suggestion]")) {
      button.disabled = true;
      const done = doing(() => answering.accept(hook, card, card.suggestions[button.dataset.suggestion], button), button);
      done.then(() => pane.decorateAll()); // after a failure the button may be pressed again
    }
    if (button.matches(".card-link")) {
      event.preventDefault();
      history.replaceState(null, "", button.href);
      navigator.clipboard?.writeText(button.href).catch(() => {});
      say("The link to this card is in the address bar, and is copied.");
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
  const { revoke } = button.dataset;
  const deed = async () => note(`Revoked: ${nameOf(await record.revoke(revoke))}`);
  doing(inSteps(deed, refresh, () => play("patient-view", {})), button);
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
  doing(addProblem(condition), event.submitter);
});

find("sign").addEventListener("click", () => doing(askToSign(), find("sign")));
find("sign-anyway").addEventListener("click", () => doing(signAll(), find("sign-anyway")));
find("discharge").addEventListener("click", () => doing(() => play("encounter-discharge", {}), find("discharge")));
find("with-prefetch")?.addEventListener("change", () => doing(() => play("patient-view", {})));
for (const button of document.querySelectorAll("[data-hook]")) {
  const { hook } = button.dataset;
  const again = () => doing(() => play(hook, moments.calls.get(hook).more));
  button.addEventListener("click", () => doing(() => moments.reshow(hook, again), button));
}

// Nothing can be asked until the services are known, so a retry starts again with discovery.
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
