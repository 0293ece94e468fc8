/**
 * HTTP requests to the service, with retries while the service is temporarily unavailable.
 */

/**
 * The service answered. `body` is the parsed JSON. The page does not check that it has the type `Body`.
 * @template Body
 * @typedef {{kind: "success", body: Body}} Success
 */

/**
 * The service rejected the request. A retry would not help.
 * @typedef {{kind: "rejected", message: string}} Rejected
 */

/**
 * The request failed, but a retry may help. `retryAfterMs` is the delay that the service asked for, or null.
 * @typedef {{kind: "unavailable", message: string, retryAfterMs: number | null}} Unavailable
 */

const RESPONSE_TIMEOUT_MS = 40_000; // more than the default of DIGITS_BODY_TIMEOUT_SECONDS, 30 s
const FIRST_RETRY_DELAY_MS = 1_000;
const MAX_RETRY_DELAY_MS = 5_000;
const MAX_RETRY_AFTER_MS = 60_000; // a page that waits longer than this looks broken
/** @type {Unavailable} */
const NO_RESPONSE = { kind: "unavailable", message: "The server does not answer.", retryAfterMs: null };
const RETRYABLE_STATUSES = new Set([408, 425, 429]); // temporary, like every 5xx

/**
 * Send a request, and repeat it until the service answers or rejects it.
 * @template Body
 * @param {() => Request} makeRequest Makes a new request for each attempt.
 * @param {(outcome: Unavailable) => void} onUnavailable Called after each failed attempt, before the delay.
 * @param {AbortSignal} signal Stops the attempts; the promise is then rejected with the signal's reason.
 * @returns {Promise<Success<Body> | Rejected>} The outcome of the last attempt.
 */
export async function fetchWithRetry(makeRequest, onUnavailable, signal) {
  for (let attempt = 0; ; attempt += 1) {
    /** @type {Success<Body> | Rejected | Unavailable} */
    const outcome = await fetchOnce(makeRequest(), signal);
    signal.throwIfAborted();
    if (outcome.kind !== "unavailable") return outcome;
    onUnavailable(outcome);
    await sleep(outcome.retryAfterMs ?? retryDelayMs(attempt));
    signal.throwIfAborted();
  }
}

/**
 * Wait.
 * @param {number} milliseconds Duration of the wait.
 * @returns {Promise<void>} Resolved at the end of the wait.
 */
export function sleep(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/**
 * Send a request once, and return its outcome.
 * @template Body
 * @param {Request} request
 * @param {AbortSignal} signal
 * @returns {Promise<Success<Body> | Rejected | Unavailable>}
 */
async function fetchOnce(request, signal) {
  const abortOrTimeout = AbortSignal.any([signal, AbortSignal.timeout(RESPONSE_TIMEOUT_MS)]);
  const response = await fetch(request, { signal: abortOrTimeout }).catch(() => null);
  return response ? toOutcome(response) : NO_RESPONSE;
}

/**
 * Turn a response into an outcome.
 * @template Body
 * @param {Response} response
 * @returns {Promise<Success<Body> | Rejected | Unavailable>}
 */
async function toOutcome(response) {
  if (response.ok) return toSuccess(response);
  if (response.status >= 500 || RETRYABLE_STATUSES.has(response.status)) return toUnavailable(response);
  return { kind: "rejected", message: await errorMessage(response) };
}

/**
 * Read the body of a successful response. The connection may be lost before the end of the body.
 * @template Body
 * @param {Response} response
 * @returns {Promise<Success<Body> | Unavailable>}
 */
async function toSuccess(response) {
  /** @type {Body | null} */
  const body = await response.json().catch(() => null);
  return body ? { kind: "success", body } : NO_RESPONSE;
}

/**
 * Turn the response of a temporary failure into an outcome, with the delay from its Retry-After header.
 * @param {Response} response
 * @returns {Unavailable}
 */
function toUnavailable(response) {
  const message = response.status === 503 ? "The server is busy." : "The server has a problem.";
  const seconds = Number(response.headers.get("Retry-After")); // NaN for a date, 0 if the header is absent
  const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : null;
  return { kind: "unavailable", message, retryAfterMs };
}

/**
 * Read the message from a problem document (RFC 9457). A proxy may have sent a body of another kind.
 * @param {Response} response
 * @returns {Promise<string>}
 */
async function errorMessage(response) {
  /** @type {{detail?: string, title?: string}} */
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The server refuses it (${response.status}).`;
}

/**
 * Return the delay after a failed attempt, in milliseconds. It doubles up to a maximum.
 * @param {number} attempt 0 is the first attempt.
 * @returns {number}
 */
function retryDelayMs(attempt) {
  return Math.min(FIRST_RETRY_DELAY_MS * 2 ** attempt, MAX_RETRY_DELAY_MS);
}
