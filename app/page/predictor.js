/**
 * Requests predictions of the newest drawing. A change of the drawing aborts the request before it, so the page never
 * shows the answer to an older drawing.
 */

import { fetchWithRetry } from "./request.js";

/** @import { Rejected, Success, Unavailable } from "./request.js" */

/**
 * The service's answer to a picture. `digit` is the index of the largest probability, and `pixels` is the 8×8
 * image that the network received.
 * @typedef {{digit: number, probabilities: number[], pixels: number[][]}} Prediction
 */

/**
 * The result of a request, "pending" while there is none yet, or "blank" if there is nothing to predict.
 * @typedef {Success<Prediction> | Rejected | Unavailable | {kind: "pending"} | {kind: "blank"}} Outcome
 */

const CHANGE_DELAY_MS = 120; // from a change to its request
// If a stroke has aborted this many requests in a row, then the answers take longer than the time between two points of
// a stroke. The next request waits for a pause of the stroke.
const MAX_ABORTED_REQUESTS = 3;

/** @type {Rejected} */
const NO_PREDICTION = { kind: "rejected", status: 200, type: "" }; // a proxy has answered with JSON of its own

/**
 * Create the predictor of the page.
 * @param {(outcome: Outcome) => void} onOutcome Called with every outcome.
 * @param {() => Record<string, string>} headers Returns the headers of a request.
 * @returns {{predict: (makePicture: () => Blob) => void, reset: () => void}} Call `predict` after each change, with a
 *   function that makes the newest picture. Call `reset` if the drawing is blank.
 */
export function createPredictor(onOutcome, headers) {
  let controller = new AbortController(); // of the request in progress
  let isInProgress = false;
  let abortedRequests = 0; // since the last answer
  let earliestTime = 0; // at which a busy service allows the next request
  /** @type {number | null} */
  let timer = null; // until the next request

  /** Abort the request in progress. */
  function abort() {
    controller.abort();
    if (isInProgress) abortedRequests += 1;
    isInProgress = false;
  }

  /**
   * Request a prediction of the newest picture soon.
   * @param {() => Blob} makePicture
   */
  function predict(makePicture) {
    abort();
    onOutcome({ kind: "pending" });
    if (abortedRequests >= MAX_ABORTED_REQUESTS) cancelNext();
    timer ??= setTimeout(send, Math.max(CHANGE_DELAY_MS, earliestTime - Date.now()), makePicture);
  }

  /** Cancel the request that waits for its time. */
  function cancelNext() {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }

  /**
   * Send the newest picture, and pass the outcomes on until the drawing changes.
   * @param {() => Blob} makePicture
   */
  async function send(makePicture) {
    timer = null;
    isInProgress = true;
    controller = new AbortController();
    const { signal } = controller;
    const makeRequest = () =>
      new Request("predict/picture", { method: "POST", body: makePicture(), headers: headers() });
    const outcome = await fetchWithRetry(makeRequest, wait, signal);
    if (!outcome) return;
    isInProgress = false;
    abortedRequests = 0;
    onOutcome(outcome.kind === "rejected" || isPrediction(outcome.body) ? outcome : NO_PREDICTION);
  }

  /**
   * Pass on that the service is unavailable, and remember when it allows the next request.
   * @param {Unavailable} outcome
   */
  function wait(outcome) {
    earliestTime = Date.now() + (outcome.retryAfterMs ?? 0);
    onOutcome(outcome);
  }

  /** Forget the drawing. */
  function reset() {
    abort();
    cancelNext();
    onOutcome({ kind: "blank" });
  }

  return { predict, reset };
}

/**
 * Tell whether a body has the parts of a prediction.
 * @param {Partial<Prediction> | null} body
 * @returns {boolean}
 */
function isPrediction(body) {
  return typeof body?.digit === "number" && body.probabilities?.length === 10 && body.pixels?.length === 8;
}
