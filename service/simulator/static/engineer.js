// For whoever connects an EHR: the request and the answer, to read, change, send again and copy.

import { Pane } from "./pane.js";
import { Failure } from "./failures.js";

const find = (id) => document.getElementById(id);

const element = (tag, words) => Object.assign(document.createElement(tag), { textContent: words });

const counted = (kinds) =>
  [...kinds.reduce((counts, kind) => counts.set(kind, (counts.get(kind) ?? 0) + 1), new Map())]
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");

// What a prefetch key holds, in words.
function brought(held) {
  if (held === undefined) return "not sent: the service reads it from the FHIR server, if there is one";
  if (held === null) return "nothing: null";
  if (held.resourceType !== "Bundle") return `1 ${held.resourceType ?? "thing that is no resource"}`;
  const kinds = (held.entry ?? []).map(({ resource }) => resource?.resourceType ?? "without a resource");
  return kinds.length ? counted(kinds) : "an empty Bundle";
}

// A shell command. The address holds no quote, and no line of JSON equals the delimiter.
const curlOf = (url, request) =>
  [
    `curl -sS -X POST '${url.replaceAll("'", "%27")}' -H 'Content-Type: application/json' --data-binary @- <<'END_OF_REQUEST'`,
    JSON.stringify(request, null, 2),
    "END_OF_REQUEST",
  ].join("\n");

export class Engineer {
  // `explain` shows the verdicts on a request.
  constructor(client, explain) {
    Object.assign(this, { client, explain, services: new Map(), faults: {}, last: null, isEdited: false });
    this.form = find("request-form");
    this.pane = new Pane(find("request-cards"), client, "request", ({ article }) => {
      article.querySelectorAll("[data-suggestion]").forEach((button) => (button.disabled = true));
      article.querySelectorAll(".override, .card-link").forEach((part) => part.remove());
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.form.elements.request.addEventListener("input", () => (this.isEdited = true));
    this.form.elements.hook.addEventListener("change", () => this.#chooseHook());
    find("copy-curl").addEventListener("click", () => this.#copy());
    find("take-over").addEventListener("click", () => {
      this.isEdited = false;
      if (this.last) this.took(...this.last);
    });
  }

  // Shows the request for the cards and its answer, but leaves a request alone that the user is editing.
  took(service, called) {
    this.last = [service, called];
    this.#table(service, called.request);
    find("response").textContent = called.failure ? this.#told(called.failure) : JSON.stringify(called.response, null, 2);
    if (this.isEdited) return;
    const { hook, id, request } = this.form.elements;
    hook.value = called.request.hook;
    id.value = service.id;
    request.value = JSON.stringify(called.request, null, 2);
  }

  #told = ({ message, why }) => `${message}${why ? `: ${why}` : ""}`;

  #table(service, request) {
    const rows = Object.entries(service.prefetch ?? {}).map(([key, template]) => {
      const row = document.createElement("tr");
      const fault = this.faults[template.split(/[?/]/)[0]];
      const words = fault ? `not sent: ${fault}` : brought(request.prefetch?.[key]);
      row.append(Object.assign(element("th", key), { scope: "row" }), document.createElement("td"), element("td", words));
      row.children[1].append(element("code", template));
      return row;
    });
    find("prefetch").replaceChildren(...rows);
  }

  #chooseHook() {
    const { hook, id, request } = this.form.elements;
    const service = this.services.get(hook.value);
    if (service) id.value = service.id;
    try {
      request.value = JSON.stringify({ ...JSON.parse(request.value), hook: hook.value }, null, 2);
      this.isEdited = true;
    } catch {
      this.#say("The request is not JSON, so its hook was not changed.");
    }
  }

  #say = (words) => (find("request-status").textContent = words);

  #parsed() {
    try {
      return JSON.parse(this.form.elements.request.value);
    } catch (error) {
      throw new Failure("The request is not JSON", error.message, "Correct the text of the request; nothing was sent.");
    }
  }

  async #send() {
    const ended = this.pane.wait(false);
    this.#say("Calling the service …");
    try {
      const request = this.#parsed();
      const { response, milliseconds } = await this.client.call(this.form.elements.id.value, request);
      find("response").textContent = JSON.stringify(response, null, 2);
      await this.pane.show(response, false);
      ended();
      this.pane.say("No cards.");
      this.#say(`Cards: ${response.cards.length}, answered in ${milliseconds.toFixed(0)} ms.`);
      await this.explain(request);
    } catch (failure) {
      this.pane.fail(failure, () => this.#send());
      find("response").textContent = this.#told(failure);
      this.#say(this.#told(failure));
    } finally {
      ended();
    }
  }

  async #copy() {
    const shown = find("curl");
    try {
      const url = `${this.client.address}/${encodeURIComponent(this.form.elements.id.value)}`;
      shown.textContent = curlOf(url, this.#parsed());
      shown.hidden = false;
      await navigator.clipboard.writeText(shown.textContent);
      this.#say("Copied.");
    } catch (failure) {
      this.#say(failure instanceof Failure ? this.#told(failure) : "It could not be copied: copy it from below.");
    }
  }
}
