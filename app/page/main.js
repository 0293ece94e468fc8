/**
 * Entry point of the page: connects its parts.
 * Data flows one way: strokes or a picture file → predictor → outcome → views.
 */

import { createAnnouncer } from "./announcer.js";
import { createCurlView } from "./curl.js";
import { createDrawingCanvas } from "./drawing-canvas.js";
import { showHeldOutMetrics } from "./held-out.js";
import { listenForPictures } from "./picture-input.js";
import { createPredictor } from "./predictor.js";
import { createView } from "./view.js";

/** @import { Outcome } from "./predictor.js" */

const announcer = createAnnouncer(findElement("announcement", HTMLElement));
const curlView = createCurlView({
  code: findElement("curl", HTMLElement),
  button: findElement("copy", HTMLButtonElement),
});
const view = createView({
  digit: findElement("digit", HTMLElement),
  confidence: findElement("confidence", HTMLElement),
  bars: findElement("bars", HTMLElement),
  modelInput: findElement("model-input", HTMLElement),
  status: findElement("status", HTMLElement),
  hint: findElement("hint", HTMLElement),
});
const predictor = createPredictor(showOutcome);
const canvas = createDrawingCanvas(findElement("canvas", HTMLCanvasElement), {
  onStrokeStart: clearPicture,
  onStrokeChange: predictDrawing,
});

/**
 * Find an element of the page by its id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} elementClass
 * @returns {T}
 * @throws {Error} If the page has no element of this class with this id.
 */
function findElement(id, elementClass) {
  const element = document.getElementById(id);
  if (element instanceof elementClass) return element;
  throw new Error(`The page has no ${elementClass.name} with the id "${id}".`);
}

/**
 * Show an outcome in all views.
 * @param {Outcome} outcome
 */
function showOutcome(outcome) {
  view.show(outcome);
  announcer.announce(outcome);
  curlView.show(outcome);
}

/**
 * Clear the canvas before a stroke if it shows a picture.
 * The service receives the bytes of the picture's file, so strokes over the picture would have no effect.
 */
function clearPicture() {
  if (canvas.hasPicture()) clear();
}

/** Predict the digit that is drawn on the canvas. */
function predictDrawing() {
  view.hideHint();
  predictor.predict(canvas.toPng);
}

/**
 * Show a picture on the canvas, and predict its digit from the bytes of the file.
 * @param {File} file
 */
function predictPicture(file) {
  clear();
  view.hideHint();
  canvas.showPicture(file);
  predictor.predict(() => file);
}

/** Clear the canvas and the prediction. */
function clear() {
  canvas.clear();
  predictor.reset();
}

/**
 * Clear when Escape or Delete is pressed, but not as part of a shortcut of the browser.
 * @param {KeyboardEvent} event
 */
function clearOnKey(event) {
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (!hasModifier && (event.key === "Escape" || event.key === "Delete")) clear();
}

findElement("clear", HTMLButtonElement).addEventListener("click", clear);
document.addEventListener("keydown", clearOnKey);
listenForPictures(findElement("file", HTMLInputElement), predictPicture);
predictor.reset(); // shows the blank state
showHeldOutMetrics({
  accuracy: findElement("accuracy", HTMLElement),
  confusion: findElement("confusion", HTMLTableElement),
});
