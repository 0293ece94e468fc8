/**
 * Shows the prediction as a curl command, with a button that copies the command.
 */

import { onClick, setAvailable } from "./controls.js";

/** @import { Outcome } from "./predictor.js" */

const PLACEHOLDER = "Draw a digit, and its command appears here.";
const COPY_FEEDBACK_MS = 2_000;
const SAFE_UNQUOTED = /^[\w./:~-]+$/u; // a shell takes these characters literally

/**
 * Create the view of the curl command.
 * @param {{code: HTMLElement, button: HTMLButtonElement}} elements The element that shows the command,
 *   and the button that copies it.
 * @param {(text: string) => void} say Announces a text to screen readers.
 * @param {() => Record<string, string>} headers Returns the headers of a request. The command has their names only.
 * @returns {{show: (outcome: Outcome) => void}} `show` takes every outcome.
 */
export function createCurlView({ code, button }, say, headers) {
  const label = button.textContent;
  /** @type {number | undefined} */
  let timer;

  /**
   * Show the command of a prediction. While the service has not answered, the last command stays.
   * @param {Outcome} outcome
   */
  function show(outcome) {
    if (outcome.kind === "pending" || outcome.kind === "unavailable") return;
    const hasPrediction = outcome.kind === "success";
    code.textContent = hasPrediction ? curlCommand(outcome.body.pixels, Object.keys(headers())) : PLACEHOLDER;
    code.classList.toggle("placeholder", !hasPrediction);
    setAvailable(button, hasPrediction);
  }

  /** Copy the command, and show the result on the button for a short time. */
  async function copy() {
    const result = (await copyText(code)) ? "Copied" : "Press Ctrl+C";
    button.textContent = result;
    say(result);
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = label;
    }, COPY_FEEDBACK_MS);
  }

  onClick(button, copy);
  return { show };
}

/**
 * Build the command that sends an 8×8 image to the service. The value of a header is a variable of the shell.
 * @param {number[][]} pixels
 * @param {string[]} headerNames
 * @returns {string}
 */
function curlCommand(pixels, headerNames) {
  const url = new URL("predict", document.baseURI).href;
  const rows = pixels.map((row) => JSON.stringify(row)).join(",\n  ");
  const headers = headerNames.map((name) => ` -H "${name}: $KEY"`).join("");
  return `curl -s ${shellQuote(url)}${headers} -d '{"pixels": [\n  ${rows}]}'`;
}

/**
 * Quote a word for a POSIX shell if the word needs quotes.
 * @param {string} word
 * @returns {string}
 */
function shellQuote(word) {
  return SAFE_UNQUOTED.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Copy the text of an element, and return whether that worked.
 * Browsers offer the clipboard API only to pages with TLS. Elsewhere the older `execCommand` copies the
 * selection.
 * @param {HTMLElement} element
 * @returns {Promise<boolean>}
 */
async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return document.execCommand("copy");
  }
}
