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
 * Listen for the shortcuts of the page. On a Mac, the Command key takes the place of Ctrl.
 * @param {{undo: () => void, redo: () => void, clear: () => void}} actions The functions to call.
 */
export function listenForShortcuts({ undo, redo, clear }) {
  /** @type {Map<string, () => void>} */
  const actions = new Map([
    ["ctrl+z", undo],
    ["ctrl+shift+z", redo],
    ["ctrl+y", redo],
    ["escape", clear],
    ["delete", clear],
  ]);
  document.addEventListener("keydown", (event) => {
    const action = actions.get(shortcutName(event));
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/**
 * Write the pressed keys, for example "ctrl+shift+z".
 * @param {KeyboardEvent} event
 * @returns {string}
 */
function shortcutName({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  const modifiers = [
    [ctrlKey || metaKey, "ctrl"],
    [shiftKey, "shift"],
    [altKey, "alt"],
  ];
  return [...modifiers.filter(([isPressed]) => isPressed).map(([, name]) => name), key.toLowerCase()].join("+");
}
