/**
 * Announces predictions and actions to screen readers.
 */

import { formatPercent, isSure, likeliestDigits } from "./wording.js";

/** @import { Outcome, Prediction } from "./predictor.js" */

const SETTLE_DELAY_MS = 800; // time without another outcome

/**
 * Set up announcements in a live region.
 * @param {HTMLElement} liveRegion Element with `aria-live`, whose new text a screen reader speaks.
 * @returns {{announce: (outcome: Outcome) => void, say: (text: string) => void}} `announce` takes every outcome, and
 *   announces a prediction once it has settled. `say` announces a text at once.
 */
export function createAnnouncer(liveRegion) {
  /** @type {number | undefined} */
  let timer;

  /**
   * Announce a prediction unless another outcome follows soon.
   * All other outcomes appear in the status line, which is a live region too.
   * @param {Outcome} outcome
   */
  function announce(outcome) {
    say("");
    if (outcome.kind !== "success") return;
    timer = setTimeout(() => say(predictionSentence(outcome.body)), SETTLE_DELAY_MS);
  }

  /**
   * Announce a text at once.
   * @param {string} text
   */
  function say(text) {
    clearTimeout(timer);
    liveRegion.textContent = text;
  }

  return { announce, say };
}

/**
 * Describe a prediction in a sentence.
 * @param {Prediction} prediction
 * @returns {string}
 */
function predictionSentence(prediction) {
  const digits = likeliestDigits(prediction).join(" or ");
  if (!isSure(prediction)) return `Not sure: ${digits}`;
  return `Recognised as ${digits}, ${formatPercent(Math.max(...prediction.probabilities), 0)} percent sure`;
}
