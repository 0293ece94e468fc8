/**
 * Shows the answer: the digit, how sure the network is, messages, the 8×8 image that the network received, and a bar
 * for each probability; and announces it to screen readers.
 */

import { formatPercent, isSure, likeliestDigits, messageOf } from "./wording.js";

/** @import { Outcome, Prediction } from "./predictor.js" */

const SIDE = 8;
const MAX_INK = 16;
const LONG_WAIT_MS = 1_000; // then the page says that it waits
const SETTLE_DELAY_MS = 800; // time without another outcome before an announcement
const WAITING = "Waiting for the answer …";
const DIGITS = 10;
const QUIET_BELOW = 0.001; // a smaller probability has no visible percentage

/**
 * Create the view of the answer.
 * @param {Record<"answer" | "digit" | "confidence" | "status" | "figure" | "modelInput", HTMLElement>} elements The
 *   section of the answer; its parts: the digit, its probability, the messages, the figure, and the 8×8 image of the
 *   figure.
 * @returns {{show: (outcome: Outcome) => void, showNote: (note: string) => void}} `show` takes every outcome.
 *   `showNote` shows a message that stays until the next one.
 */
export function createAnswer({ answer, digit, confidence, status, figure, modelInput }) {
  const cells = Array.from({ length: SIDE * SIDE }, () => modelInput.appendChild(document.createElement("span")));
  let note = "";
  let message = "";
  /** @type {number | null} */
  let longWait = null; // timer

  /**
   * Show a prediction, or that there is none.
   * @param {Prediction | null} prediction
   */
  function showPrediction(prediction) {
    const digits = prediction ? likeliestDigits(prediction) : [];
    digit.textContent = digits.join(" or ");
    digit.classList.toggle("unsure", digits.length > 1);
    confidence.textContent = prediction ? certaintyText(prediction) : "";
    figure.hidden = !prediction;
    showImage(modelInput, cells, prediction?.pixels.flat() ?? []);
  }

  /**
   * Show the note and a message about the prediction.
   * A screen reader speaks the status whenever its text is set, so the same text is not set again.
   * @param {string} newMessage
   */
  function showMessage(newMessage) {
    message = newMessage;
    const text = [note, message].filter(Boolean).join(" ");
    if (status.textContent !== text) status.textContent = text;
  }

  /**
   * Show a note.
   * @param {string} newNote
   */
  function showNote(newNote) {
    note = newNote;
    showMessage(note ? "" : message); // a note follows an action, which makes the last message obsolete
  }

  /**
   * Show an outcome. While a prediction is pending, or the service is unavailable, the last answer stays and is dimmed.
   * @param {Outcome} outcome
   */
  function show(outcome) {
    answer.classList.toggle("waiting", outcome.kind === "pending" || outcome.kind === "unavailable");
    if (outcome.kind === "pending") {
      longWait ??= setTimeout(() => showMessage(message || WAITING), LONG_WAIT_MS);
    } else if (outcome.kind === "unavailable") {
      showMessage(messageOf(outcome));
    } else {
      if (longWait !== null) clearTimeout(longWait);
      longWait = null;
      showPrediction(outcome.kind === "success" ? outcome.body : null);
      showMessage(outcome.kind === "rejected" ? messageOf(outcome) : "");
    }
  }

  return { show, showNote };
}

/**
 * Say how sure the network is.
 * @param {Prediction} prediction
 * @returns {string}
 */
function certaintyText(prediction) {
  return isSure(prediction) ? `${formatPercent(Math.max(...prediction.probabilities), 1)} % sure` : "not sure";
}

/**
 * Show the 8×8 image that the network received.
 * @param {HTMLElement} image
 * @param {HTMLElement[]} cells
 * @param {number[]} inks
 */
function showImage(image, cells, inks) {
  cells.forEach((cell, index) => cell.style.setProperty("--ink-share", String((inks[index] ?? 0) / MAX_INK)));
  const inkedCount = inks.filter((ink) => ink > 0).length;
  image.setAttribute("aria-label", `The network sees ${SIDE} by ${SIDE} pixels, ${inkedCount} of them with ink`);
}

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
