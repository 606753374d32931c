// The chart page: calls the hooks, shows the cards, and lets the clinician answer them.

import { Client } from "./client.js";
import { Drafts } from "./drafts.js";
import { PatientRecord, isDraft, referenceOf } from "./record.js";

const start = JSON.parse(document.getElementById("start").textContent);
const find = (id) => document.getElementById(id);
const client = new Client(document.getElementById("main").dataset.root);
const write = (method, resource) => client.write(start.server, method, resource);
const record = new PatientRecord(start, start.server ? write : null);
const calls = new Map(); // by hook: the last request and its response
const answers = new Map(); // by hook: which suggestions were accepted, which cards were overridden
let services = new Map();
let current = "";

const isOrdering = (hook) => hook.startsWith("order-");
const answersOf = (hook) => answers.get(hook) ?? answers.set(hook, { accepted: {}, overridden: {} }).get(hook);
const topicOf = (card) => card.source.topic?.code ?? card.uuid;
const say = (words) => (find("status").textContent = words);

// One task at a time: each action of the clinician waits for the one before.
let queue = Promise.resolve();
const doing = (task) => {
  queue = queue.then(async () => {
    const hadFocus = document.activeElement !== document.body;
    document.body.ariaBusy = "true";
    try {
      await task();
    } catch (error) {
      say(error.message);
    }
    document.body.ariaBusy = "false";
    // The focused element may have been replaced: move the focus to the cards.
    if (document.activeElement === document.body && hadFocus) find("cds-title").focus();
  });
};

const drafts = new Drafts(record, (reference) =>
  doing(async () => {
    await record.discard(reference);
    note("Order removed");
    await refresh();
    await replay(current);
  }),
);

function note(words) {
  const item = document.createElement("li");
  item.textContent = words;
  find("activity").prepend(item);
  find("no-activity").hidden = true;
}

async function refresh() {
  const shown = { records: record.records(), changed: [...record.changed] };
  find("record").innerHTML = await client.fragment("record", shown);
  drafts.show();
}

async function play(hook, more = {}) {
  const service = services.get(hook);
  const context = { userId: start.user, patientId: start.patient, ...more };
  if (start.encounter) context.encounterId = start.encounter;
  const request = { hook, hookInstance: crypto.randomUUID(), context };
  if (start.server) request.fhirServer = start.server;
  if (find("with-prefetch")?.checked ?? true) request.prefetch = record.prefetch(service.prefetch ?? {});
  say("Asking the service ...");
  const called = { request, more, response: { cards: [] }, milliseconds: null, fault: "" };
  try {
    Object.assign(called, await client.call(service, request));
  } catch (error) {
    called.fault = error.message;
  }
  calls.set(hook, called);
  await show(hook);
  return called;
}

// The same hook again, after a change.
async function replay(hook) {
  if (!isOrdering(hook)) return play("patient-view");
  if (!record.drafts.size) return play("patient-view");
  const selections = (calls.get(hook)?.more.selections ?? []).filter((reference) => record.drafts.has(reference));
  return hook === "order-sign" ? play(hook, ordering()) : play(hook, ordering(selections));
}

function ordering(selections) {
  const draftOrders = record.bundle([...record.drafts.values()]);
  const chosen = selections?.length ? selections : [...record.drafts.keys()];
  return selections ? { selections: chosen, draftOrders } : { draftOrders };
}

async function show(hook) {
  current = hook;
  const { request, response, milliseconds, fault } = calls.get(hook);
  const { accepted, overridden } = answersOf(hook);
  const shown = { cards: response.cards, accepted, overridden };
  find("cards").innerHTML = fault ? "" : await client.fragment("cards", shown);
  const count = response.cards.length;
  const speed = milliseconds?.toFixed(0);
  const cards = `${count || "No"} ${count === 1 ? "card" : "cards"}`;
  say(fault ? `The service did not answer: ${fault}` : `${cards}, answered in ${speed} ms`);
  find("timing").textContent = fault ? "" : `${hook}: answered in ${speed} ms`;
  find("request").textContent = JSON.stringify(request, null, 2);
  find("response").textContent = fault || JSON.stringify(response, null, 2);
  find("sign-anyway").hidden = hook !== "order-sign" || !record.drafts.size;
  for (const button of document.querySelectorAll("[data-hook]")) showMoment(button);
  await client.fragment("verdicts", request).then(
    (html) => (find("verdicts").innerHTML = html),
    (error) => (find("verdicts").textContent = error.message),
  );
}

function showMoment(button) {
  const called = calls.get(button.dataset.hook);
  button.hidden = !called;
  button.ariaPressed = String(button.dataset.hook === current);
  button.querySelector(".count").textContent = called ? called.response.cards.length : "";
}

// What the clinician did stands, whether the service takes the feedback or not.
async function sendFeedback(hook, answer) {
  const body = { feedback: [{ ...answer, outcomeTimestamp: new Date().toISOString() }] };
  const service = services.get(hook);
  const where = `POST ${client.services}/${service.id}/feedback`;
  const taken = await client.feedback(service, body).then(
    () => "Taken",
    (error) => `Not taken: ${error.message}`,
  );
  find("feedback").textContent = `${where}\n${JSON.stringify(body, null, 2)}\n${taken}`;
}

async function accept(hook, card, suggestion) {
  for (const action of suggestion.actions) await record.apply(action, isOrdering(hook));
  const { accepted } = answersOf(hook);
  (accepted[topicOf(card)] ??= []).push(suggestion.label);
  const isDrafted = suggestion.actions.some(({ type, resource }) => type === "create" && isDraft(resource));
  note(`Accepted: ${suggestion.label}${isDrafted ? " (drafted, not signed)" : ""}`);
  const acceptedSuggestions = [{ id: suggestion.uuid }];
  await sendFeedback(hook, { card: card.uuid, outcome: "accepted", acceptedSuggestions });
  await refresh();
  await replay(hook);
}

async function override(hook, card, reason) {
  answersOf(hook).overridden[topicOf(card)] = reason?.display ?? "no reason given";
  note(`Overridden (${reason?.display ?? "no reason given"}): ${card.summary}`);
  const overrideReason = reason && { overrideReason: { reason: { code: reason.code, system: reason.system } } };
  await sendFeedback(hook, { card: card.uuid, outcome: "overridden", ...overrideReason });
  await show(hook);
}

async function signAll() {
  await record.sign();
  note("Orders signed");
  await refresh();
  await play("patient-view");
}

async function addProblem(condition) {
  await play("problem-list-item-create", { conditions: record.bundle([condition]) });
  await record.file(condition);
  note(`Problem added: ${condition.code.text ?? condition.code.coding?.[0]?.display}`);
  await refresh();
}

const cardOf = (element) => {
  const uuid = element.closest(".card").dataset.uuid;
  return calls.get(current).response.cards.find((card) => card.uuid === uuid);
};

find("cards").addEventListener("click", (event) => {
  const button = event.target.closest("[data-suggestion]");
  if (!button) return;
  const [hook, card] = [current, cardOf(button)];
  const suggestion = card.suggestions.find(({ uuid }) => uuid === button.dataset.suggestion);
  button.disabled = true;
  doing(() =>
    accept(hook, card, suggestion).catch(async (error) => {
      await show(hook); // the clinician may try again
      throw error;
    }),
  );
});

find("cards").addEventListener("submit", (event) => {
  event.preventDefault();
  const [hook, card] = [current, cardOf(event.target)];
  doing(() => override(hook, card, card.overrideReasons?.[event.target.elements.reason.value]));
});

find("record").addEventListener("click", (event) => {
  const reference = event.target.closest("[data-revoke]")?.dataset.revoke;
  if (!reference) return;
  doing(async () => {
    await record.revoke(reference);
    answers.forEach((answer) => (answer.accepted = {})); // a revoked order may be accepted again
    note("Revoked");
    await refresh();
    await play("patient-view");
  });
});

find("order-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { key, priority } = event.target.elements;
  const draft = record.instance(start.menu[key.value], { priority: priority.value });
  doing(async () => {
    const reference = record.choose(draft);
    note(`Order chosen: ${key.selectedOptions[0].text}`);
    drafts.show();
    await play("order-select", ordering([reference]));
  });
});

find("problem-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { key, side } = event.target.elements;
  const site = side.value && { bodySite: [start.sides[side.value]] };
  doing(() => addProblem(record.instance(start.menu[key.value], site || {})));
});

find("sign").addEventListener("click", () =>
  doing(async () => {
    const { response, fault } = await play("order-sign", ordering());
    if (!response.cards.length && !fault) await signAll();
  }),
);
find("sign-anyway").addEventListener("click", () => doing(signAll));
find("discharge").addEventListener("click", () => doing(() => play("encounter-discharge")));
find("with-prefetch")?.addEventListener("change", () => doing(() => replay(current)));
for (const button of document.querySelectorAll("[data-hook]")) {
  button.addEventListener("click", () => doing(() => show(button.dataset.hook)));
}

doing(async () => {
  services = await client.discover();
  drafts.show();
  for (const [kind, why] of Object.entries(start.faults)) note(`${kind} could not be read: ${why}`);
  await play("patient-view");
  const selections = start.hook === "order-select" ? start.drafts.map(referenceOf) : undefined;
  if (start.hook === "problem-list-item-create") await addProblem(start.conditions[0]);
  else if (isOrdering(start.hook)) await play(start.hook, ordering(selections));
  else if (start.hook !== "patient-view") await play(start.hook);
});
