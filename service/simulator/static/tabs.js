// Two pages on one patient: the one that did not change the record is out of date, and changes nothing any more.
// Another tab says so; of another browser only the FHIR server knows, which refuses to change what is no longer there.

export class Tabs {
  // `told` is called when another tab has changed this patient.
  constructor({ server, patient }, told) {
    this.where = ""; // the record was changed, when it was
    this.patient = `${server} ${patient}`;
    if (!server) return; // an example is a copy of its own in each tab
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

// A page that the browser kept while it was elsewhere shows what was before: it is read anew.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
