/**
 * The reading, shown: the digit, how sure it is, ten bars, and the 8×8 that the network saw.
 */

import { percentSure } from "./percent.js";

const DIGITS = 10;
const SIDE = 8;
const INK_MAX = 16;

/**
 * Create what shows outcomes.
 * @param {Record<"digit" | "sureness" | "bars" | "seen" | "status" | "hint", HTMLElement>} elements Where.
 */
export function createView({ digit, sureness, bars, seen, status, hint }) {
  const rows = Array.from({ length: DIGITS }, (_, value) => bars.appendChild(createBar(value)));
  const cells = Array.from({ length: SIDE * SIDE }, () => seen.appendChild(document.createElement("span")));

  /** Show a reading. */
  function showReading(body) {
    digit.textContent = body.digit;
    digit.classList.remove("nothing");
    sureness.textContent = `${percentSure(body.probabilities[body.digit], 1)} % sure`;
    rows.forEach((row, value) => fillBar(row, body.probabilities[value], value === body.digit));
    body.pixels.flat().forEach((pixel, index) => cells[index].style.setProperty("--ink", pixel / INK_MAX));
    seen.setAttribute("aria-label", describe(body.pixels));
  }

  /** Show that there is no reading. */
  function showNothing() {
    digit.textContent = "–";
    digit.classList.add("nothing");
    sureness.textContent = "Nothing yet";
    rows.forEach(emptyBar);
    cells.forEach((cell) => cell.style.setProperty("--ink", 0));
    seen.setAttribute("aria-label", "What the network saw: nothing yet");
  }

  const shows = {
    blank() {
      showNothing();
      status.textContent = "";
      hint.hidden = false;
    },
    answer({ body }) {
      showReading(body);
      status.textContent = "";
    },
    refusal({ message }) {
      showNothing();
      status.textContent = message;
    },
    trouble({ message }) {
      setText(status, `${message} Your drawing is kept, and read as soon as it can be.`);
    },
  };

  return {
    show: (outcome) => shows[outcome.kind](outcome),
    hideHint: () => {
      hint.hidden = true;
    },
  };
}

/** Set a text only if it is another, because a screen reader speaks it each time it is set. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Create the bar of one digit. */
function createBar(value) {
  const row = document.createElement("li");
  for (const [className, text] of [["value", value], ["track", ""], ["percent", ""]]) {
    const part = document.createElement("span");
    part.className = className;
    part.textContent = text;
    row.append(part);
  }
  return row;
}

/** Fill the bar of one digit. */
function fillBar(row, probability, wins) {
  row.style.setProperty("--probability", probability);
  row.classList.toggle("wins", wins);
  row.querySelector(".percent").textContent = `${percentSure(probability, 1)} %`;
}

/** Empty the bar of one digit; a percentage of 0 would be a claim. */
function emptyBar(row) {
  row.style.setProperty("--probability", 0);
  row.classList.remove("wins");
  row.querySelector(".percent").textContent = "";
}

/** Put the 8×8 into words. */
function describe(pixels) {
  const inked = pixels.flat().filter((pixel) => pixel > 0).length;
  return `What the network saw: ${SIDE} by ${SIDE} pixels, ${inked} of them with ink`;
}
