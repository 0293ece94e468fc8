/**
 * HTTP requests to the service, with retries while the service is temporarily unavailable.
 */

/**
 * The service answered. `body` is the parsed JSON. The page does not check that it has the type `Body`.
 * @template Body
 * @typedef {{kind: "success", body: Body}} Success
 */

/**
 * The service, or a proxy, rejected the request. A retry would not help. `type` is the type of the problem document
 * (RFC 9457), empty if there is none.
 * @typedef {{kind: "rejected", status: number, type: string}} Rejected
 */

/**
 * The request failed, but a retry may help. `status` is 0 if there was no answer. `retryAfterMs` is the delay that the
 * service asked for, or null.
 * @typedef {{kind: "unavailable", status: number, type: string, retryAfterMs: number | null}} Unavailable
 */

const RESPONSE_TIMEOUT_MS = 40_000; // more than the default of DIGITS_BODY_TIMEOUT_SECONDS, 30 s
const FIRST_RETRY_DELAY_MS = 1_000;
const MAX_RETRY_DELAY_MS = 5_000;
const MAX_RETRY_AFTER_MS = 60_000; // a page that waits longer than this looks broken
/** @type {Unavailable} */
const NO_RESPONSE = { kind: "unavailable", status: 0, type: "", retryAfterMs: null };
const RETRYABLE_STATUSES = new Set([408, 425, 429]); // temporary, like every 5xx

/**
 * Send a request, and repeat it until the service answers or rejects it.
 * @template Body
 * @param {() => Request} makeRequest Makes a new request for each attempt.
 * @param {(outcome: Unavailable) => void} onUnavailable Called after each failed attempt, before the delay.
 * @param {AbortSignal} signal Stops the attempts.
 * @returns {Promise<Success<Body> | Rejected | null>} The outcome of the last attempt, or null after the signal.
 */
export async function fetchWithRetry(makeRequest, onUnavailable, signal) {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    /** @type {Success<Body> | Rejected | Unavailable} */
    const outcome = await fetchOnce(makeRequest(), signal);
    if (signal.aborted) return null;
    if (outcome.kind !== "unavailable") return outcome;
    onUnavailable(outcome);
    await sleep(outcome.retryAfterMs ?? retryDelayMs(attempt));
  }
  return null;
}

/**
 * Wait.
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
function sleep(milliseconds) {
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
  // Browsers of 2023 have no `AbortSignal.any`, which would combine the signal with a time limit.
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, RESPONSE_TIMEOUT_MS);
  signal.addEventListener("abort", abort);
  try {
    return await toOutcome(await fetch(request, { signal: controller.signal }));
  } catch {
    return NO_RESPONSE;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Turn a response into an outcome.
 * @template Body
 * @param {Response} response
 * @returns {Promise<Success<Body> | Rejected | Unavailable>}
 */
async function toOutcome(response) {
  const { status } = response;
  if (status >= 500 || RETRYABLE_STATUSES.has(status)) {
    return { kind: "unavailable", status, type: "", retryAfterMs: retryAfterMs(response) };
  }
  // A proxy may answer with a page of its own, for example to log in.
  if (!response.headers.get("Content-Type")?.includes("json")) return { kind: "rejected", status, type: "" };
  const body = await response.json(); // fails if the connection is lost before the end of the body
  return response.ok ? { kind: "success", body } : { kind: "rejected", status, type: String(body?.type) };
}

/**
 * Return the delay of the Retry-After header, in milliseconds.
 * @param {Response} response
 * @returns {number | null}
 */
function retryAfterMs(response) {
  const seconds = Number(response.headers.get("Retry-After")); // NaN for a date, 0 if the header is absent
  return seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : null;
}

/**
 * Return the delay after a failed attempt, in milliseconds. It doubles up to a maximum.
 * @param {number} attempt 0 is the first attempt.
 * @returns {number}
 */
function retryDelayMs(attempt) {
  return Math.min(FIRST_RETRY_DELAY_MS * 2 ** attempt, MAX_RETRY_DELAY_MS);
}
