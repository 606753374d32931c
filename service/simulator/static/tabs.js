// Two tabs on one patient: the one that did not change the record is out of date, and changes nothing any more.

export class Tabs {
  // `told` is called when another tab has changed this patient.
  constructor({ server, patient }, told) {
    this.isStale = false;
    this.patient = `${server} ${patient}`;
    if (!server) return; // an example is a copy of its own in each tab
    this.channel = new BroadcastChannel("foot-drop-simulator");
    this.channel.addEventListener("message", ({ data }) => {
      if (data !== this.patient || this.isStale) return;
      this.isStale = true;
      told();
    });
  }

  tell() {
    this.channel?.postMessage(this.patient);
  }
}

// A page that the browser kept while it was elsewhere shows what was before: it is read anew.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
