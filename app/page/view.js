/**
 * Shows the prediction: the digit, its probability, ten bars, and the 8×8 image that the network received.
 */

import { formatPercent } from "./percent.js";

/** @import { Outcome, Prediction } from "./predictor.js" */

const DIGITS = 10;
const SIDE = 8;
const MAX_INK = 16;

/**
 * The bar of one digit: an item of the list, and the element in the item for the percentage.
 * @typedef {{item: HTMLLIElement, percent: HTMLElement}} Bar
 */

/**
 * Create the view of outcomes.
 * @param {Record<"digit" | "confidence" | "bars" | "modelInput" | "status" | "hint", HTMLElement>} elements
 *   The elements for the digit, its probability, the list of bars, the 8×8 image, the status line, and the
 *   hint on the canvas.
 * @returns {{show: (outcome: Outcome) => void, hideHint: () => void}} `show` takes every outcome.
 *   `hideHint` hides the hint until the next blank outcome.
 */
export function createView({ digit, confidence, bars, modelInput, status, hint }) {
  const digitBars = Array.from({ length: DIGITS }, (_, value) => createBar(value));
  const pixelCells = Array.from({ length: SIDE * SIDE }, () =>
    modelInput.appendChild(document.createElement("span")),
  );

  bars.append(...digitBars.map((bar) => bar.item));

  /**
   * Show a prediction.
   * @param {Prediction} prediction
   */
  function showPrediction({ digit: predictedDigit, probabilities, pixels }) {
    const inks = pixels.flat();
    digit.textContent = String(predictedDigit);
    digit.classList.remove("empty");
    confidence.textContent = `${formatPercent(Math.max(...probabilities), 1)} % sure`;
    digitBars.forEach((bar, value) => fillBar(bar, probabilities[value] ?? 0, value === predictedDigit));
    pixelCells.forEach((cell, index) => fillPixel(cell, inks[index] ?? 0));
    modelInput.setAttribute("aria-label", imageDescription(inks));
  }

  /** Show that there is no prediction. */
  function showNoPrediction() {
    digit.textContent = "–";
    digit.classList.add("empty");
    confidence.textContent = "Nothing yet";
    digitBars.forEach(emptyBar);
    pixelCells.forEach((cell) => fillPixel(cell, 0));
    modelInput.setAttribute("aria-label", "What the network saw: nothing yet");
  }

  /**
   * Show an outcome. While the service is unavailable, the last prediction stays.
   * @param {Outcome} outcome
   */
  function show(outcome) {
    switch (outcome.kind) {
      case "blank":
        showNoPrediction();
        status.textContent = "";
        hint.hidden = false;
        break;
      case "success":
        showPrediction(outcome.body);
        status.textContent = "";
        break;
      case "rejected":
        showNoPrediction();
        status.textContent = outcome.message;
        break;
      default: // "unavailable"
        setTextIfChanged(status, `${outcome.message} Your drawing is kept, and read as soon as it can be.`);
    }
  }

  /** Hide the hint until the next blank outcome. */
  function hideHint() {
    hint.hidden = true;
  }

  return { show, hideHint };
}

/**
 * Set a text only if it differs, because a screen reader speaks the status line whenever its text is set.
 * @param {HTMLElement} element
 * @param {string} text
 */
function setTextIfChanged(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Create the bar of one digit.
 * @param {number} value
 * @returns {Bar}
 */
function createBar(value) {
  const item = document.createElement("li");
  const percent = createPart("percent", "");
  item.append(createPart("value", String(value)), createPart("track", ""), percent);
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
 * Fill the bar of one digit up to its probability.
 * @param {Bar} bar
 * @param {number} probability
 * @param {boolean} isPredicted
 */
function fillBar({ item, percent }, probability, isPredicted) {
  item.style.setProperty("--probability", String(probability));
  item.classList.toggle("predicted", isPredicted);
  percent.textContent = `${formatPercent(probability, 1)} %`;
}

/**
 * Empty the bar of one digit. It shows no percentage, because "0 %" would be a prediction.
 * @param {Bar} bar
 */
function emptyBar({ item, percent }) {
  item.style.setProperty("--probability", "0");
  item.classList.remove("predicted");
  percent.textContent = "";
}

/**
 * Fill the cell of one pixel with the pixel's ink.
 * @param {HTMLElement} cell
 * @param {number} ink
 */
function fillPixel(cell, ink) {
  cell.style.setProperty("--ink-share", String(ink / MAX_INK));
}

/**
 * Describe the 8×8 image in words.
 * @param {number[]} inks
 * @returns {string}
 */
function imageDescription(inks) {
  const inkedCount = inks.filter((ink) => ink > 0).length;
  return `What the network saw: ${SIDE} by ${SIDE} pixels, ${inkedCount} of them with ink`;
}
