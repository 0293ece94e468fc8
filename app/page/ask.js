/**
 * Asking the server, once or until it answers.
 *
 * @typedef {{kind: "answer", body: any}} Answer What was asked for.
 * @typedef {{kind: "refusal", message: string}} Refusal Asking again would not help.
 * @typedef {{kind: "trouble", message: string, retryAfter: number | null}} Trouble Asking again may help;
 *   `retryAfter` is in milliseconds.
 */

const REPLY_WITHIN = 40_000; // ms; the server itself waits 30 s for a slow upload
const FIRST_WAIT = 1_000; // ms
const LONGEST_WAIT = 5_000; // ms
const LONGEST_RETRY_AFTER = 60_000; // ms; a page that sleeps for longer looks broken
const SILENCE = { kind: "trouble", message: "The server does not answer.", retryAfter: null };
const PASSING = new Set([408, 425, 429]); // like every 5xx, these pass

/**
 * Ask until the server answers or refuses.
 * @param {() => Request} makeRequest Makes a new request for each attempt.
 * @param {(trouble: Trouble) => void} onTrouble Called before each wait.
 * @param {AbortSignal} signal Ends it; then it throws the signal's reason.
 * @returns {Promise<Answer | Refusal>}
 */
export async function askPatiently(makeRequest, onTrouble, signal) {
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await ask(makeRequest(), signal);
    signal.throwIfAborted();
    if (outcome.kind !== "trouble") return outcome;
    onTrouble(outcome);
    await pause(outcome.retryAfter ?? backoff(attempt));
    signal.throwIfAborted();
  }
}

/** Wait a number of milliseconds. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Ask once. */
async function ask(request, signal) {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(REPLY_WITHIN)]);
  const response = await fetch(request, { signal: patience }).catch(() => null);
  return response ? toOutcome(response) : SILENCE;
}

/** Sort a response by what can be done about it. */
async function toOutcome(response) {
  if (response.ok) return toAnswer(response);
  if (response.status >= 500 || PASSING.has(response.status)) return toTrouble(response);
  return { kind: "refusal", message: await complaint(response) };
}

/** Read the body of an answer; the connection may be lost before its end. */
async function toAnswer(response) {
  const body = await response.json().catch(() => null);
  return body ? { kind: "answer", body } : SILENCE;
}

/** Tell what is wrong for now, and when the server wants to be asked again. */
function toTrouble(response) {
  const message = response.status === 503 ? "The server is busy." : "The server has a problem.";
  const seconds = Number(response.headers.get("Retry-After")); // NaN for a date, 0 if there is none
  const retryAfter = seconds > 0 ? Math.min(seconds * 1000, LONGEST_RETRY_AFTER) : null;
  return { kind: "trouble", message, retryAfter };
}

/** Take the reason out of a problem document; a proxy may have sent something else. */
async function complaint(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The server refuses it (${response.status}).`;
}

/** Tell how long to wait after so many failed attempts, in milliseconds. */
function backoff(attempt) {
  return Math.min(FIRST_WAIT * 2 ** attempt, LONGEST_WAIT);
}
