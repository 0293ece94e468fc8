/**
 * Buttons, the keyboard shortcuts Ctrl+Z, Ctrl+Shift+Z or Ctrl+Y, Escape and Delete, and the form that asks for a key.
 */

import { UNAUTHORIZED, keyQuestion } from "./wording.js";

/** @import { Outcome } from "./predictor.js" */

/**
 * Make a button available or unavailable. It keeps the focus, which a disabled button would lose.
 * @param {HTMLButtonElement} button A button that is never disabled.
 * @param {boolean} isAvailable True if a click has an effect.
 */
export function setAvailable(button, isAvailable) {
  button.setAttribute("aria-disabled", String(!isAvailable));
}

/**
 * Call a function on each click of a button while the button is available.
 * @param {HTMLButtonElement} button A button that is never disabled.
 * @param {() => void} listener The function.
 */
export function onClick(button, listener) {
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") listener();
  });
}

/**
 * Listen for the shortcuts of the page, which click its buttons. On a Mac, the Command key takes the place of Ctrl.
 * @param {{undo: HTMLButtonElement, redo: HTMLButtonElement, clear: HTMLButtonElement}} buttons The buttons to click.
 */
export function listenForShortcuts({ undo, redo, clear }) {
  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map([
    ["ctrl+z", undo],
    ["ctrl+shift+z", redo],
    ["ctrl+y", redo],
    ["escape", clear],
    ["delete", clear],
  ]);
  document.addEventListener("keydown", (event) => {
    const button = buttons.get(shortcutName(event));
    if (!button) return;
    event.preventDefault();
    button.click();
  });
}

/**
 * Write the pressed keys, for example "ctrl+shift+z".
 * @param {KeyboardEvent} event
 * @returns {string}
 */
function shortcutName({ key, code, ctrlKey, metaKey, shiftKey, altKey }) {
  const modifiers = [
    ctrlKey || metaKey ? "ctrl" : "",
    shiftKey ? "shift" : "",
    altKey ? "alt" : "",
  ];
  const isOtherAlphabet = key.length === 1 && key > "~"; // then the place of the key counts
  const name = isOtherAlphabet ? code.replace("Key", "") : key;
  return [...modifiers, name.toLowerCase()].filter(Boolean).join("+");
}

/**
 * Create the form that asks for a key if the service needs one. The key is kept in memory only.
 * @param {{form: HTMLFormElement, input: HTMLInputElement, question: HTMLElement}} elements The hidden form, its field
 *   for the key, and its element for the question.
 * @param {() => void} onKey Called when a key was entered.
 * @returns {{headers: () => Record<string, string>, show: (outcome: Outcome) => void}} `headers` returns the headers
 *   that a request needs. `show` takes every outcome.
 */
export function createKeyForm({ form, input, question }, onKey) {
  let key = "";

  /**
   * Show the form if the service has rejected the key, or if there is none.
   * @param {Outcome} outcome
   */
  function show(outcome) {
    if (outcome.kind === "success") form.hidden = true;
    if (outcome.kind !== "rejected" || outcome.status !== UNAUTHORIZED) return;
    question.textContent = keyQuestion(key !== "");
    form.hidden = false;
  }

  form.addEventListener("keydown", (event) => event.stopPropagation()); // Escape and Delete would clear the canvas
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    key = input.value;
    onKey();
  });
  return { headers: () => (key ? { "X-API-Key": key } : {}), show };
}
