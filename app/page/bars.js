/**
 * Shows the probability of each digit as a bar.
 */

import { formatPercent } from "./wording.js";

/** @import { Outcome } from "./predictor.js" */

const DIGITS = 10;
const QUIET_BELOW = 0.001; // a smaller probability has no visible percentage

/**
 * The bar of one digit: an item of the list, and the element in the item for the percentage.
 * @typedef {{item: HTMLLIElement, percent: HTMLElement}} Bar
 */

/**
 * Create the view of probabilities.
 * @param {HTMLElement} list Empty list for the bars.
 * @returns {{show: (outcome: Outcome) => void}} `show` takes every outcome.
 */
export function createBars(list) {
  const bars = Array.from({ length: DIGITS }, (_, digit) => createBar(digit));
  list.append(...bars.map((bar) => bar.item));

  /**
   * Show the probabilities of an outcome. While the service has not answered, the last probabilities stay.
   * @param {Outcome} outcome
   */
  function show(outcome) {
    const isWaiting = outcome.kind === "pending" || outcome.kind === "unavailable";
    list.setAttribute("aria-busy", String(isWaiting));
    if (isWaiting) return;
    const prediction = outcome.kind === "success" ? outcome.body : null;
    bars.forEach((bar, digit) => fillBar(bar, prediction?.probabilities[digit] ?? null, digit === prediction?.digit));
  }

  return { show };
}

/**
 * Create the bar of one digit.
 * @param {number} digit
 * @returns {Bar}
 */
function createBar(digit) {
  const item = document.createElement("li");
  const percent = createPart("percent", "");
  item.append(createPart("value", String(digit)), createPart("track", ""), percent);
  return { item, percent };
}

/**
 * Create a part of a bar.
 * @param {string} className
 * @param {string} text
 * @returns {HTMLElement}
 */
function createPart(className, text) {
  const part = document.createElement("span");
  part.className = className;
  part.textContent = text;
  return part;
}

/**
 * Fill the bar of one digit up to its probability. Without a prediction it has no percentage, because "0 %" would be a
 * prediction.
 * @param {Bar} bar
 * @param {number | null} probability
 * @param {boolean} isPredicted
 */
function fillBar({ item, percent }, probability, isPredicted) {
  const isQuiet = (probability ?? 0) < QUIET_BELOW;
  item.style.setProperty("--probability", String(isQuiet ? 0 : probability));
  item.classList.toggle("predicted", isPredicted);
  item.classList.toggle("quiet", isQuiet);
  percent.textContent = probability === null ? "" : percentText(probability, isQuiet);
}

/**
 * Write a probability as a percentage.
 * @param {number} probability
 * @param {boolean} isQuiet
 * @returns {string}
 */
function percentText(probability, isQuiet) {
  return isQuiet ? "below 0.1 %" : `${formatPercent(probability, 1)} %`;
}
