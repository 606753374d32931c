// The page's requests: hooks and feedback, as any EHR sends them, and fragments of the page.

import { Failure, away, late, overtaken, refused, strange } from "./failures.js";

const JSON_TYPE = { "Content-Type": "application/json" };
const PATIENCE = 25; // seconds; a service takes long if it reads a slow FHIR server
const NO_ENDPOINT = new Set([404, 405, 501]);

// The answer: status, media type and text. Throws a Failure if none came.
async function ask(url, body, where = url) {
  const breaking = new AbortController();
  const timer = setTimeout(() => breaking.abort(), PATIENCE * 1000);
  const posted = { method: "POST", headers: JSON_TYPE, body: typeof body === "string" ? body : JSON.stringify(body) };
  try {
    const reply = await fetch(url, { ...(body === undefined ? {} : posted), signal: breaking.signal });
    const type = reply.headers.get("Content-Type") ?? "";
    return { status: reply.status, type, body: await reply.text() };
  } catch {
    throw breaking.signal.aborted ? late(PATIENCE) : away(where);
  } finally {
    clearTimeout(timer);
  }
}

function parsed({ type, body }) {
  if (!body.trim()) throw strange("The answer is empty.");
  try {
    return JSON.parse(body);
  } catch {
    throw strange(type.includes("html") ? "A web page came instead of JSON." : "The answer is not JSON.");
  }
}

function diagnostics({ status, body }) {
  try {
    const { issue: issues } = JSON.parse(body);
    return `${status}: ${issues.map((issue) => issue.diagnostics ?? issue.code).join("; ")}`;
  } catch {
    return `It answered ${status}.`;
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export class Client {
  // `foreign` is the address of another service's discovery; the page then calls it through its own service.
  constructor(root, foreign) {
    this.root = root;
    this.foreign = foreign;
    this.services = foreign || `${root.replace(/\/simulator$/, "")}/cds-services`;
    this.address = new URL(this.services, location.href).href;
  }

  async #reach(below, body) {
    if (!this.foreign) return { ...(await ask(this.services + below, body, this.address)), milliseconds: null };
    const asked = { services: this.foreign, below, ...(body === undefined ? {} : { body }) };
    const relayed = await ask(`${this.root}/relay`, asked);
    if (relayed.status === 200) return parsed(relayed);
    const why = diagnostics(relayed);
    throw relayed.status === 403 ? refused(403, why) : away(this.address, why);
  }

  async #demand(below, body) {
    const answer = await this.#reach(below, body);
    if (answer.status < 200 || answer.status > 299) throw refused(answer.status, diagnostics(answer));
    return answer;
  }

  // The services that discovery lists, by hook.
  async discover() {
    const list = parsed(await this.#demand("", undefined));
    if (!Array.isArray(list?.services)) throw strange("Its discovery lists no services.");
    return new Map(list.services.filter(isObject).map((service) => [service.hook, service]));
  }

  // A service's answer and the milliseconds until it was read.
  async call(id, request) {
    const begun = performance.now();
    const response = parsed(await this.#demand(`/${encodeURIComponent(id)}`, request));
    const milliseconds = performance.now() - begun;
    if (!Array.isArray(response?.cards) || !response.cards.every(isObject)) throw strange("It holds no list of cards.");
    return { response, milliseconds };
  }

  // True if the service accepted the feedback, false if it has no endpoint for it.
  async feedback(id, body) {
    const answer = await this.#reach(`/${encodeURIComponent(id)}/feedback`, body);
    if (NO_ENDPOINT.has(answer.status)) return false;
    if (answer.status < 200 || answer.status > 299) throw refused(answer.status, diagnostics(answer));
    return true;
  }

  // A fragment of the page, rendered and escaped by the service. A proxy's sign-in page lacks what `marker` selects.
  async fragment(name, body, marker) {
    const answer = await ask(`${this.root}/${name}`, body, new URL(this.root, location.href).href);
    if (answer.status !== 200) throw refused(answer.status, diagnostics(answer));
    const holder = document.createElement("template");
    holder.innerHTML = answer.body;
    if (!holder.content.querySelector(marker)) throw strange("Another page came in place of a part of this one.");
    return holder.content;
  }

  // `version` is the version of the resource that was read; a different version is left as it is.
  async write(server, method, resource, version) {
    const answer = await ask(`${this.root}/write`, { server, method, resource, ...(version && { version }) });
    if (answer.status === 412) throw overtaken(diagnostics(answer).replace(/^412: /, ""));
    if (answer.status !== 200) throw new Failure("Not written", diagnostics(answer), "");
    return parsed(answer);
  }
}
