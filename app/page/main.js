/**
 * Entry point of the page: connects its parts.
 * Data flows one way: strokes or a picture file → drawing → predictor → outcome → views.
 */

import { createAnnouncer, createAnswer, createBars } from "./answer.js";
import { createKeyForm, listenForShortcuts, onClick, setAvailable } from "./controls.js";
import { createCurlView } from "./curl.js";
import { DrawingCanvas } from "./drawing-canvas.js";
import { showModelCard } from "./model-card.js";
import { listenForFiles, readPicture } from "./pictures.js";
import { createPredictor } from "./predictor.js";
import { fileMessage } from "./wording.js";

/** @import { Outcome } from "./predictor.js" */

const OPENING_DELAY_MS = 300; // most files are decoded in less time

const announcer = createAnnouncer(findElement("announcement", HTMLElement));
const answer = createAnswer({
  answer: findElement("answer", HTMLElement),
  digit: findElement("digit", HTMLElement),
  confidence: findElement("confidence", HTMLElement),
  status: findElement("status", HTMLElement),
  figure: findElement("figure", HTMLElement),
  modelInput: findElement("model-input", HTMLElement),
});
const keyForm = createKeyForm(
  {
    form: findElement("key-form", HTMLFormElement),
    input: findElement("key", HTMLInputElement),
    question: findElement("key-question", HTMLElement),
  },
  repeatRequests,
);
const bars = createBars(findElement("bars", HTMLElement));
const curl = createCurlView(
  { code: findElement("curl", HTMLElement), button: findElement("copy", HTMLButtonElement) },
  announcer.say,
  keyForm.headers,
);
const predictor = createPredictor(showOutcome, keyForm.headers);
const hint = findElement("hint", HTMLElement);
const undoButton = findElement("undo", HTMLButtonElement);
const redoButton = findElement("redo", HTMLButtonElement);
const clearButton = findElement("clear", HTMLButtonElement);
const canvas = new DrawingCanvas(findElement("canvas", HTMLCanvasElement), findElement("frame", HTMLElement), {
  onChange: predictDrawing,
  onHistory: showHistory,
});
/** @type {AbortController | null} */
let opening = null; // while a file is being decoded

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
  keyForm.show(outcome);
}

/** Repeat the requests that the service has rejected without the key. */
function repeatRequests() {
  predictDrawing();
  requestModelCard();
}

/** Request the figures of the model card, and show them. */
function requestModelCard() {
  const elements = {
    card: findElement("model-card", HTMLElement),
    link: findElement("model-card-link", HTMLElement),
    accuracy: findElement("accuracy", HTMLElement),
    facts: findElement("model-facts", HTMLElement),
    confusion: findElement("confusion", HTMLTableElement),
  };
  if (elements.card.hidden) showModelCard(elements, keyForm.headers());
}

/** Predict the digit of the drawing, which has changed. */
function predictDrawing() {
  answer.showNote("");
  hint.hidden = !canvas.isBlank;
  if (canvas.isBlank) predictor.reset();
  else predictor.predict(() => canvas.makePicture());
}

/** Show whether there is something to undo, to redo and to clear. */
function showHistory() {
  setAvailable(undoButton, canvas.canUndo || opening !== null);
  setAvailable(redoButton, canvas.canRedo);
  setAvailable(clearButton, !canvas.isBlank || opening !== null);
}

/**
 * Show the picture of the first file on the canvas. A file that cannot be decoded changes nothing.
 * @param {File[]} files
 */
async function showFirstFile([file, ...others]) {
  if (!file) return;
  cancelOpening();
  opening = new AbortController();
  showHistory();
  const { signal } = opening;
  const timer = setTimeout(() => answer.showNote("Opening the picture …"), OPENING_DELAY_MS);
  signal.addEventListener("abort", () => clearTimeout(timer));
  const picture = await readPicture(file);
  if (signal.aborted) return;
  cancelOpening();
  if (picture) canvas.showPicture(picture);
  answer.showNote(fileMessage(1 + others.length, picture !== null));
}

/**
 * Give up a file that is being decoded.
 * @returns {boolean} False if there is none.
 */
function cancelOpening() {
  if (!opening) return false;
  opening.abort();
  opening = null;
  showHistory();
  answer.showNote("");
  return true;
}

/** Undo the last step, or give up a file that is being decoded. */
function undo() {
  if (!cancelOpening()) canvas.undo();
  announcer.say("Undone");
}

/** Repeat the step that was undone last. */
function redo() {
  canvas.redo();
  announcer.say("Redone");
}

/** Clear the canvas. */
function clear() {
  cancelOpening();
  canvas.clear();
  announcer.say("Cleared");
}

onClick(undoButton, undo);
onClick(redoButton, redo);
onClick(clearButton, clear);
listenForShortcuts({ undo: undoButton, redo: redoButton, clear: clearButton });
listenForFiles(findElement("file", HTMLInputElement), showFirstFile);
findElement("shell", HTMLDetailsElement).open = matchMedia("(min-width: 44rem) and (min-height: 36.01rem)").matches;
showHistory();
predictor.reset(); // shows the blank state
requestModelCard();
