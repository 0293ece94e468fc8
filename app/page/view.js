/**
 * Shows the prediction: the digit, its probability, ten bars, and the 8×8 image that the network received.
 */

import { formatPercent } from "./percent.js";

const DIGITS = 10;
const SIDE = 8;
const MAX_INK = 16;

/**
 * Create the view of outcomes.
 * @param {Record<"digit" | "confidence" | "bars" | "modelInput" | "status" | "hint", HTMLElement>} elements
 *   The elements for the digit, its probability, the list of bars, the 8×8 image, the status line, and the
 *   hint on the canvas.
 * @returns {{show: (outcome: import("./predictor.js").Outcome) => void, hideHint: () => void}} `show` takes
 *   every outcome. `hideHint` hides the hint until the next blank outcome.
 */
export function createView({ digit, confidence, bars, modelInput, status, hint }) {
  const barItems = Array.from({ length: DIGITS }, (_, value) => bars.appendChild(createBar(value)));
  const pixelCells = Array.from({ length: SIDE * SIDE }, () =>
    modelInput.appendChild(document.createElement("span")),
  );

  /** Show a prediction. */
  function showPrediction({ digit: predictedDigit, probabilities, pixels }) {
    digit.textContent = predictedDigit;
    digit.classList.remove("empty");
    confidence.textContent = `${formatPercent(probabilities[predictedDigit], 1)} % sure`;
    barItems.forEach((bar, value) => fillBar(bar, probabilities[value], value === predictedDigit));
    pixels.flat().forEach((ink, index) => pixelCells[index].style.setProperty("--ink-share", ink / MAX_INK));
    modelInput.setAttribute("aria-label", imageDescription(pixels));
  }

  /** Show that there is no prediction. */
  function showNoPrediction() {
    digit.textContent = "–";
    digit.classList.add("empty");
    confidence.textContent = "Nothing yet";
    barItems.forEach(emptyBar);
    pixelCells.forEach((cell) => cell.style.setProperty("--ink-share", 0));
    modelInput.setAttribute("aria-label", "What the network saw: nothing yet");
  }

  const showByKind = {
    blank() {
      showNoPrediction();
      status.textContent = "";
      hint.hidden = false;
    },
    success({ body }) {
      showPrediction(body);
      status.textContent = "";
    },
    rejected({ message }) {
      showNoPrediction();
      status.textContent = message;
    },
    unavailable({ message }) {
      setTextIfChanged(status, `${message} Your drawing is kept, and read as soon as it can be.`);
    },
  };

  return {
    show: (outcome) => showByKind[outcome.kind](outcome),
    hideHint: () => {
      hint.hidden = true;
    },
  };
}

/** Set a text only if it differs, because a screen reader speaks the status line whenever its text is set. */
function setTextIfChanged(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Create the bar of one digit. */
function createBar(value) {
  const bar = document.createElement("li");
  for (const [className, text] of [["value", value], ["track", ""], ["percent", ""]]) {
    const part = document.createElement("span");
    part.className = className;
    part.textContent = text;
    bar.append(part);
  }
  return bar;
}

/** Fill the bar of one digit up to its probability. */
function fillBar(bar, probability, isPredicted) {
  bar.style.setProperty("--probability", probability);
  bar.classList.toggle("predicted", isPredicted);
  bar.querySelector(".percent").textContent = `${formatPercent(probability, 1)} %`;
}

/** Empty the bar of one digit. It shows no percentage, because "0 %" would be a prediction. */
function emptyBar(bar) {
  bar.style.setProperty("--probability", 0);
  bar.classList.remove("predicted");
  bar.querySelector(".percent").textContent = "";
}

/** Describe the 8×8 image in words. */
function imageDescription(pixels) {
  const inkedCount = pixels.flat().filter((ink) => ink > 0).length;
  return `What the network saw: ${SIDE} by ${SIDE} pixels, ${inkedCount} of them with ink`;
}
