/**
 * The page, composed. Data flows one way: ink or a file → recogniser → outcome → view.
 */

import { createAnnouncer } from "./announcer.js";
import { createCurl } from "./curl.js";
import { showHeldOut } from "./held-out.js";
import { createPaper } from "./paper.js";
import { takePictures } from "./picker.js";
import { createRecogniser } from "./recogniser.js";
import { createView } from "./view.js";

const find = (id) => document.getElementById(id);

const announcer = createAnnouncer(find("announcement"));
const curl = createCurl({ code: find("curl"), button: find("copy") });
const view = createView({
  digit: find("digit"),
  sureness: find("sureness"),
  bars: find("bars"),
  seen: find("seen"),
  status: find("status"),
  hint: find("hint"),
});
const recogniser = createRecogniser(showOutcome);
const paper = createPaper(find("paper"), { onStart: startStroke, onInk: readDrawing });

/** Show an outcome in every place that tells of it. */
function showOutcome(outcome) {
  view.show(outcome);
  announcer.follow(outcome);
  curl.follow(outcome);
}

/** Take a fresh sheet if a picture lies on the paper, because its own bytes are read, not what is drawn over it. */
function startStroke() {
  if (paper.holdsPicture()) clear();
}

/** Have what is on the paper read. */
function readDrawing() {
  view.hideHint();
  recogniser.read(paper.toPicture);
}

/** Lay a picture on the paper, and have its own bytes read. */
function readPicture(file) {
  clear();
  view.hideHint();
  paper.show(file);
  recogniser.read(() => file);
}

/** Go back to blank paper. */
function clear() {
  paper.clear();
  recogniser.forget();
}

/** Clear at a key, unless it is part of a shortcut of the browser. */
function clearAtKey(event) {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey);
  if (plain && (event.key === "Escape" || event.key === "Delete")) clear();
}

find("clear").addEventListener("click", clear);
document.addEventListener("keydown", clearAtKey);
takePictures(find("file"), readPicture);
recogniser.forget();
showHeldOut({ accuracy: find("accuracy"), confusion: find("confusion") });
