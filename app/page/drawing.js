/**
 * A drawing: strokes, or a picture from a file; its history, and its look on a canvas.
 */

import { createCanvas, encode, getContext } from "./canvas.js";

/** @import { Picture } from "./pictures.js" */

/**
 * A position on the canvas, in pixels of the canvas. It may be outside.
 * @typedef {{x: number, y: number}} Position
 */

/**
 * A drawing, which never changes in place. A stroke is the list of the positions that the pointer passed.
 * @typedef {{readonly picture: Picture | null, readonly strokes: readonly (readonly Position[])[]}} Drawing
 */

/** @type {Drawing} */
export const BLANK = { picture: null, strokes: [] };

const PNG_SIDE = 280; // rows and columns
const STROKE_WIDTH = 0.085; // share of the canvas's side; about that of a felt pen in a box on a form
const STROKE_COLOUR = "#000";
const CANVAS_COLOUR = "#fff";
const MAX_STATES = 50; // in a history; a picture takes up to 4 MiB
const PICTURE_BACKGROUND = "#c4c1b9"; // black and white strokes of a transparent picture are visible on this grey

/**
 * Add a stroke to a drawing. The service receives the file of a picture, so a stroke replaces a picture.
 * @param {Drawing} drawing Strokes or a picture.
 * @param {readonly Position[]} stroke At least one position.
 * @returns {Drawing} The drawing with the stroke.
 */
export function addStroke(drawing, stroke) {
  return { picture: null, strokes: drawing.picture ? [stroke] : [...drawing.strokes, stroke] };
}

/**
 * Draw a whole drawing on a canvas.
 * @param {CanvasRenderingContext2D} context Context of the canvas, whose content is replaced.
 * @param {Drawing} drawing Strokes or a picture.
 */
export function renderDrawing(context, { picture, strokes }) {
  context.fillStyle = picture ? PICTURE_BACKGROUND : CANVAS_COLOUR;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  if (picture) drawFitted(context, picture.canvas);
  for (const stroke of strokes) renderStroke(context, stroke);
}

/**
 * Draw a stroke, or a further part of it, as a line with round ends.
 * @param {CanvasRenderingContext2D} context Context of the canvas.
 * @param {readonly Position[]} positions Nothing is drawn without a position. A single one becomes a dot.
 */
export function renderStroke(context, positions) {
  const [first] = positions;
  if (!first) return;
  const width = STROKE_WIDTH * context.canvas.width;
  Object.assign(context, { strokeStyle: STROKE_COLOUR, fillStyle: STROKE_COLOUR, lineWidth: width });
  Object.assign(context, { lineCap: "round", lineJoin: "round" });
  context.beginPath();
  context.arc(first.x, first.y, width / 2, 0, 2 * Math.PI); // a line without length would leave nothing
  context.fill();
  context.beginPath();
  for (const { x, y } of positions) context.lineTo(x, y);
  context.stroke();
}

/**
 * Export the content of a canvas as a small PNG. The canvas has more pixels, because it is sized for sharp screens.
 * @param {HTMLCanvasElement} canvas An element on the page.
 * @returns {Blob} The file.
 */
export function toPng(canvas) {
  const smallCanvas = createCanvas(PNG_SIDE, PNG_SIDE);
  getContext(smallCanvas, { alpha: false }).drawImage(canvas, 0, 0, PNG_SIDE, PNG_SIDE);
  return encode(smallCanvas, "image/png");
}

/**
 * Draw a picture in the middle of the canvas, as large as it fits without cropping.
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLCanvasElement} picture
 */
function drawFitted(context, picture) {
  const { width, height } = context.canvas;
  const scale = Math.min(width / picture.width, height / picture.height);
  const [newWidth, newHeight] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (width - newWidth) / 2, (height - newHeight) / 2, newWidth, newHeight);
}

/**
 * Past, current and undone states of a value that never changes in place, for undo and redo.
 * @template {object} State
 */
export class History {
  /** @type {State[]} */
  #past = [];

  /** @type {State} */
  #current;

  /** @type {State[]} */
  #undone = [];

  /**
   * Create a history without a past.
   * @param {State} state The first state.
   */
  constructor(state) {
    this.#current = state;
  }

  /**
   * The current state.
   * @returns {State} The state that was added, or that undo or redo have restored.
   */
  get current() {
    return this.#current;
  }

  /**
   * Tell whether there is a state to undo.
   * @returns {boolean} True if `undo` changes the current state.
   */
  get canUndo() {
    return this.#past.length > 0;
  }

  /**
   * Tell whether there is a state to redo.
   * @returns {boolean} True if `redo` changes the current state.
   */
  get canRedo() {
    return this.#undone.length > 0;
  }

  /**
   * Make a state the current one. The undone states are lost.
   * @param {State} state The new state.
   */
  add(state) {
    this.#past = [...this.#past, this.#current].slice(-MAX_STATES);
    this.#undone = [];
    this.#current = state;
  }

  /** Restore the state before the current one, if there is one. */
  undo() {
    this.#move(this.#past, this.#undone);
  }

  /** Restore the state that was undone last, if there is one. */
  redo() {
    this.#move(this.#undone, this.#past);
  }

  /**
   * Take the last state of a list as the current one, and append the state before to another list.
   * @param {State[]} from
   * @param {State[]} to
   */
  #move(from, to) {
    const [state] = from.splice(-1);
    if (!state) return;
    to.push(this.#current);
    this.#current = state;
  }
}
