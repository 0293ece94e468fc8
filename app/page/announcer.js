/**
 * Announces predictions to screen readers once they have settled, not after every stroke.
 */

import { formatPercent } from "./percent.js";

/** @import { Outcome, Prediction } from "./predictor.js" */

const SETTLE_DELAY_MS = 800; // time without another outcome

/**
 * Create the announcer of predictions.
 * @param {HTMLElement} liveRegion Element with `aria-live`, whose new text a screen reader speaks.
 * @returns {{announce: (outcome: Outcome) => void}} `announce` takes every outcome.
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
    clearTimeout(timer);
    liveRegion.textContent = "";
    if (outcome.kind !== "success") return;
    timer = setTimeout(() => {
      liveRegion.textContent = predictionSentence(outcome.body);
    }, SETTLE_DELAY_MS);
  }

  return { announce };
}

/**
 * Describe a prediction in a sentence.
 * @param {Prediction} prediction
 * @returns {string}
 */
function predictionSentence({ digit, probabilities }) {
  return `Read as ${digit}, ${formatPercent(Math.max(...probabilities), 0)} percent sure`;
}
