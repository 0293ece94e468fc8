/**
 * Buttons, and the keyboard shortcuts Ctrl+Z, Ctrl+Shift+Z or Ctrl+Y, Escape and Delete.
 */

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
