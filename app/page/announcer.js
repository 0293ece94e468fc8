/**
 * Readings for those who listen: said once they have settled, not at every stroke.
 */

import { percentSure } from "./percent.js";

const SETTLED = 800; // ms without another outcome

/**
 * Create what announces outcomes.
 * @param {HTMLElement} region A live region.
 */
export function createAnnouncer(region) {
  let timer;

  /** Announce an outcome unless another follows soon; refusals and trouble are in the status line, which speaks. */
  function follow(outcome) {
    clearTimeout(timer);
    region.textContent = "";
    if (outcome.kind !== "answer") return;
    timer = setTimeout(() => {
      region.textContent = sentence(outcome.body);
    }, SETTLED);
  }

  return { follow };
}

/** Put a reading into a sentence. */
function sentence({ digit, probabilities }) {
  return `Read as ${digit}, ${percentSure(probabilities[digit], 0)} percent sure`;
}
