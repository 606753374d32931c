// Every way in which an answer can fail to come: what happened, and what to do. None of them is an all-clear.

export class Failure extends Error {
  // `word` says what became of the action: not done, or done but not shown.
  constructor(title, why, todo, word = "Not done") {
    super(title);
    Object.assign(this, { title, why, todo, word });
  }
}

const UNCHECKED = "Not checked"; // what became of a hook call
const NOT_CHECKED = "Nothing was checked: this is not an all-clear.";

const OF_STATUS = {
  400: ["The service could not read the request", "Correct what it names (below, under Request), then retry."],
  401: ["The service does not know the caller", "Register this client with the service, then retry."],
  403: ["The service does not accept calls from this page", "Allow this page and its FHIR server in the settings of the service, then retry."],
  404: ["The service does not answer this hook", "Compare the hook with those that its discovery lists."],
  412: ["The service lacks data that it needs", "Send the key that it names, or check that the FHIR server answers, then retry."],
  413: ["The request is too large for the service", "Send less in prefetch, and let the service read the rest."],
  422: ["The data are not all of this patient", "Open the chart again. If that does not help, tell those who connect the EHR."],
  429: ["The service has too much to do", "Retry in a few seconds."],
  503: ["The service has too much to do", "Retry in a few seconds."],
};

const FAULT = ["The service failed", "Retry. If it fails again, tell those who run the service: the log says more."];

export const away = (where, why = "") =>
  new Failure("The service did not answer", why, `${NOT_CHECKED} Check that it runs at ${where}, then retry.`, UNCHECKED);

export const late = (seconds) =>
  new Failure(
    "The service did not answer in time",
    `Nothing came within ${seconds} seconds.`,
    `${NOT_CHECKED} Retry; if it stays slow, check whether its FHIR server answers.`,
    UNCHECKED,
  );

export function refused(status, why) {
  const [title, todo] = OF_STATUS[status] ?? FAULT;
  return new Failure(title, why, `${NOT_CHECKED} ${todo}`, UNCHECKED);
}

export const strange = (what) =>
  new Failure(
    "The answer of the service cannot be read",
    what,
    `${NOT_CHECKED} Check that this is the address of a CDS service, then retry.`,
    UNCHECKED,
  );

const UNKNOWN = {
  POST: "It may still have been stored. Retry: nothing is stored twice.",
  PUT: "It may still have been changed. Retry: making the same change twice has no further effect.",
  DELETE: "It may still have been removed. Retry: nothing is removed twice.",
};

export const unwritten = (what, why, method) =>
  new Failure(`${what}: the FHIR server did not confirm it`, why, UNKNOWN[method], "Not confirmed");

// Another browser, or the EHR, was there first. Nothing was written.
export const overtaken = (why) =>
  Object.assign(
    new Failure("The record has changed", why, "It was left as it is there. Open the chart again, then decide."),
    { isOvertaken: true },
  );

// The action is done, but the chart could not be read again.
export const unshown = ({ message, why }) =>
  new Failure(
    "The chart could not be brought up to date",
    [message, why].filter(Boolean).join(": "),
    "What you did is done, but the chart still shows the state before. Retry to see it: nothing is done twice.",
    "Done, not shown",
  );

export const stale = (where) =>
  new Failure(
    `This patient was changed ${where}`,
    "What you see here is older than the record.",
    "Nothing was done. Open the chart again, then decide.",
  );

export const asFailure = (error) =>
  error instanceof Failure ? error : new Failure("The page failed", error.message, "Retry, or open the chart again.");

const element = (tag, words, className = "") =>
  Object.assign(document.createElement(tag), { textContent: words, className });

// The error card of a failure; `retry` is what its button does.
export function failureCard(error, retry, label = "Retry") {
  const failure = asFailure(error);
  const card = element("article", "", "card failure");
  card.setAttribute("role", "alert");
  card.append(element("p", failure.word, "indicator"), element("h3", failure.title));
  if (failure.why) card.append(element("p", failure.why, "why"));
  card.append(element("p", failure.todo, "todo"));
  if (retry) {
    const button = element("button", label, "retry");
    button.type = "button";
    button.addEventListener("click", () => retry(card, button));
    card.append(button);
  }
  return card;
}
