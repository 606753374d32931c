// Two pages on one patient: a page is out of date once the other has changed the record, and then changes nothing more.
// Another tab says so itself. Another browser cannot: there, the FHIR server refuses to change an outdated version.

export class Tabs {
  // `told` is called when another tab has changed this patient.
  constructor({ server, patient }, told) {
    this.where = ""; // where the record was changed, once it was
    this.patient = `${server} ${patient}`;
    if (!server) return; // each tab has its own copy of an example
    this.channel = new BroadcastChannel("foot-drop-simulator");
    this.channel.addEventListener("message", ({ data }) => {
      if (data !== this.patient || this.isStale) return;
      this.overtaken("in another tab");
      told();
    });
  }

  get isStale() {
    return Boolean(this.where);
  }

  overtaken(where) {
    this.where ||= where;
  }

  tell() {
    this.channel?.postMessage(this.patient);
  }
}

// A page that the browser kept in its cache shows an old state, so it is loaded again.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
