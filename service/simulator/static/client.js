// The page's requests to the service: hooks and feedback as from any EHR, and fragments of the page.

const JSON_TYPE = { "Content-Type": "application/json" };

export class RefusedError extends Error {}

async function post(url, body) {
  const reply = await fetch(url, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(body) });
  if (!reply.ok) throw new RefusedError(await outcome(reply));
  return reply;
}

async function outcome(reply) {
  try {
    const { issue: issues } = await reply.json();
    return `${reply.status}: ${issues.map((issue) => issue.diagnostics ?? issue.code).join("; ")}`;
  } catch {
    return `${reply.status} ${reply.statusText}`;
  }
}

export class Client {
  constructor(root) {
    this.root = root;
    this.services = `${root.replace(/\/simulator$/, "")}/cds-services`;
  }

  // The services that discovery lists, by hook.
  async discover() {
    const reply = await fetch(this.services);
    if (!reply.ok) throw new RefusedError(await outcome(reply));
    const { services } = await reply.json();
    return new Map(services.map((service) => [service.hook, service]));
  }

  // A service's answer and the milliseconds until it was read.
  async call(service, request) {
    const begun = performance.now();
    const reply = await post(`${this.services}/${service.id}`, request);
    const response = await reply.json();
    return { response, milliseconds: performance.now() - begun };
  }

  async feedback(service, body) {
    await post(`${this.services}/${service.id}/feedback`, body);
  }

  // A fragment of the page, rendered and escaped by the service.
  async fragment(name, body) {
    return (await post(`${this.root}/${name}`, body)).text();
  }

  async write(server, method, resource) {
    return (await post(`${this.root}/write`, { server, method, resource })).json();
  }
}
