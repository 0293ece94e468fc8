/**
 * Entry point of the page: connects its parts.
 * Data flows one way: strokes or a picture file → drawing → predictor → outcome → views.
 */

import { createAnnouncer } from "./announcer.js";
import { createAnswer } from "./answer.js";
import { createBars } from "./bars.js";
import { listenForShortcuts, onClick, setAvailable } from "./controls.js";
import { createCurlView } from "./curl.js";
import { DrawingCanvas } from "./drawing-canvas.js";
import { showModelCard } from "./model-card.js";
import { listenForFiles, readPicture } from "./pictures.js";
import { createPredictor } from "./predictor.js";
import { fileMessage } from "./wording.js";

/** @import { Outcome } from "./predictor.js" */

const announcer = createAnnouncer(findElement("announcement", HTMLElement));
const answer = createAnswer({
  answer: findElement("answer", HTMLElement),
  digit: findElement("digit", HTMLElement),
  confidence: findElement("confidence", HTMLElement),
  status: findElement("status", HTMLElement),
  figure: findElement("figure", HTMLElement),
  modelInput: findElement("model-input", HTMLElement),
});
const bars = createBars(findElement("bars", HTMLElement));
const curl = createCurlView(
  { code: findElement("curl", HTMLElement), button: findElement("copy", HTMLButtonElement) },
  announcer.say,
);
const predictor = createPredictor(showOutcome);
const hint = findElement("hint", HTMLElement);
const undoButton = findElement("undo", HTMLButtonElement);
const redoButton = findElement("redo", HTMLButtonElement);
const clearButton = findElement("clear", HTMLButtonElement);
const canvas = new DrawingCanvas(findElement("canvas", HTMLCanvasElement), findElement("frame", HTMLElement), {
  onChange: predictDrawing,
  onHistory: showHistory,
});
let fileAttempts = 0; // shows whether the drawing was changed while a file was being decoded

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
  answer.show(outcome);
  bars.show(outcome);
  announcer.announce(outcome);
  curl.show(outcome);
}

/** Predict the digit of the drawing, which has changed. */
function predictDrawing() {
  fileAttempts += 1;
  answer.showNote("");
  hint.hidden = !canvas.isBlank;
  if (canvas.isBlank) predictor.reset();
  else predictor.predict(() => canvas.makePicture());
}

/** Show whether there is something to undo, to redo and to clear. */
function showHistory() {
  setAvailable(undoButton, canvas.can.undo);
  setAvailable(redoButton, canvas.can.redo);
  setAvailable(clearButton, !canvas.isBlank);
}

/**
 * Show the picture of the first file on the canvas. A file that cannot be decoded changes nothing.
 * @param {File[]} files
 */
async function showFirstFile([file, ...others]) {
  if (!file) return;
  fileAttempts += 1;
  const attempt = fileAttempts;
  const picture = await readPicture(file);
  if (attempt !== fileAttempts) return;
  if (picture) canvas.showPicture(picture);
  answer.showNote(fileMessage(1 + others.length, picture !== null));
}

/** Undo the last step. */
function undo() {
  canvas.undo();
}

/** Repeat the step that was undone last. */
function redo() {
  canvas.redo();
}

/** Clear the canvas. */
function clear() {
  canvas.clear();
  announcer.say("Cleared");
}

onClick(undoButton, undo);
onClick(redoButton, redo);
onClick(clearButton, clear);
listenForShortcuts({ undo, redo, clear });
listenForFiles(findElement("file", HTMLInputElement), showFirstFile);
findElement("shell", HTMLDetailsElement).open = matchMedia("(min-width: 44rem)").matches;
showHistory();
predictor.reset(); // shows the blank state
showModelCard({
  card: findElement("model-card", HTMLElement),
  link: findElement("model-card-link", HTMLElement),
  accuracy: findElement("accuracy", HTMLElement),
  facts: findElement("model-facts", HTMLElement),
  confusion: findElement("confusion", HTMLTableElement),
});
