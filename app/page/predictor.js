/**
 * Requests predictions of a drawing: one request at a time, each with the newest picture.
 * A drawing is the content of the canvas between two resets: strokes, or a picture from a file.
 */

import { fetchWithRetry, sleep } from "./request.js";

/** @import { Rejected, Success, Unavailable } from "./request.js" */

/**
 * The service's answer to a picture. `digit` is the index of the largest probability, and `pixels` is the 8×8
 * image that the network received.
 * @typedef {{digit: number, probabilities: number[], pixels: number[][]}} Prediction
 */

/**
 * The result of a request, or "blank" after a reset.
 * @typedef {Success<Prediction> | Rejected | Unavailable | {kind: "blank"}} Outcome
 */

/**
 * A drawing, and the state of its requests.
 * @typedef {object} Drawing
 * @property {() => Blob} makePicture Makes the newest picture.
 * @property {boolean} hasChanged True if the newest picture was not sent yet.
 * @property {boolean} isSending True while changes are sent.
 * @property {AbortController} controller Aborts the requests.
 */

// From a change to its request. It is also about the interval between requests during a long stroke.
const CHANGE_DELAY_MS = 120;

/**
 * Create the predictor of the page.
 * @param {(outcome: Outcome) => void} onOutcome Called with every outcome, in the order of the requests.
 * @returns {{predict: (makePicture: () => Blob) => void, reset: () => void}} Call `predict` after each
 *   change, with a function that makes the newest picture. Call `reset` to start a new drawing.
 */
export function createPredictor(onOutcome) {
  /** @type {Drawing | null} */
  let drawing = null;

  /**
   * Request a prediction of a picture. A picture of the same drawing that was not sent yet is skipped.
   * @param {() => Blob} makePicture
   */
  function predict(makePicture) {
    drawing ??= { makePicture, hasChanged: false, isSending: false, controller: new AbortController() };
    drawing.makePicture = makePicture;
    drawing.hasChanged = true;
    if (!drawing.isSending) sendChanges(drawing, onOutcome);
  }

  /** Start a new drawing. The old drawing has no further outcomes. */
  function reset() {
    drawing?.controller.abort();
    drawing = null;
    onOutcome({ kind: "blank" });
  }

  return { predict, reset };
}

/**
 * Send the changes of a drawing one after the other, until none is left or the drawing is reset.
 * @param {Drawing} drawing
 * @param {(outcome: Outcome) => void} onOutcome
 */
async function sendChanges(drawing, onOutcome) {
  const { signal } = drawing.controller;
  drawing.isSending = true;
  try {
    while (drawing.hasChanged) {
      await sleep(CHANGE_DELAY_MS);
      signal.throwIfAborted();
      onOutcome(await fetchWithRetry(() => makeRequest(drawing), onOutcome, signal));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    drawing.isSending = false;
  }
}

/**
 * Make a request with the newest picture of a drawing. Retries call this function too.
 * @param {Drawing} drawing
 * @returns {Request}
 */
function makeRequest(drawing) {
  drawing.hasChanged = false;
  return new Request("predict/picture", { method: "POST", body: drawing.makePicture() });
}
