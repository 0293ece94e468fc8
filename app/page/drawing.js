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
const MAX_PICTURES = 20; // that undo restores; each takes up to 4 MiB
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

/** The current drawing, and those that undo and redo restore. */
export class History {
  /** @type {Drawing[]} */
  #past = [];

  #current = BLANK;

  /** @type {Drawing[]} */
  #undone = [];

  /**
   * The current drawing.
   * @returns {Drawing} The drawing that was added, or that undo or redo have restored.
   */
  get current() {
    return this.#current;
  }

  /**
   * Tell whether there is a drawing to return to.
   * @returns {boolean} True if `undo` changes the current drawing.
   */
  get canUndo() {
    return this.#past.length > 0;
  }

  /**
   * Tell whether there is an undone step.
   * @returns {boolean} True if `redo` changes the current drawing.
   */
  get canRedo() {
    return this.#undone.length > 0;
  }

  /**
   * Make a drawing the current one. The undone drawings are lost.
   * @param {Drawing} drawing Strokes or a picture.
   */
  add(drawing) {
    this.#past.push(this.#current);
    this.#undone = [];
    this.#current = drawing;
    if (this.#past.filter(({ picture }) => picture).length > MAX_PICTURES) {
      this.#past.splice(0, 1 + this.#past.findIndex(({ picture }) => picture));
    }
  }

  /** Restore the drawing before the current one, if there is one. */
  undo() {
    this.#move(this.#past, this.#undone);
  }

  /** Restore the drawing that was undone last, if there is one. */
  redo() {
    this.#move(this.#undone, this.#past);
  }

  /**
   * Take the last drawing of a list as the current one, and append the one before to another list.
   * @param {Drawing[]} from
   * @param {Drawing[]} to
   */
  #move(from, to) {
    const [drawing] = from.splice(-1);
    if (!drawing) return;
    to.push(this.#current);
    this.#current = drawing;
  }
}
