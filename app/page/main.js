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

const byId = (id) => document.getElementById(id);

const announcer = createAnnouncer(byId("announcement"));
const curlView = createCurlView({ code: byId("curl"), button: byId("copy") });
const view = createView({
  digit: byId("digit"),
  confidence: byId("confidence"),
  bars: byId("bars"),
  modelInput: byId("model-input"),
  status: byId("status"),
  hint: byId("hint"),
});
const predictor = createPredictor(showOutcome);
const canvas = createDrawingCanvas(byId("canvas"), {
  onStrokeStart: clearPicture,
  onStrokeChange: predictDrawing,
});

/** Show an outcome in all views. */
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

/** Show a picture on the canvas, and predict its digit from the bytes of the file. */
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

/** Clear when Escape or Delete is pressed, but not as part of a shortcut of the browser. */
function clearOnKey(event) {
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (!hasModifier && (event.key === "Escape" || event.key === "Delete")) clear();
}

byId("clear").addEventListener("click", clear);
document.addEventListener("keydown", clearOnKey);
listenForPictures(byId("file"), predictPicture);
predictor.reset(); // shows the blank state
showHeldOutMetrics({ accuracy: byId("accuracy"), confusion: byId("confusion") });
