/**
 * The drawing canvas: shows the drawing, takes strokes and pictures, and has undo and redo.
 */

import { BLANK, History, addStroke, renderDrawing, renderStroke, toPng } from "./drawing.js";
import { getContext } from "./canvas.js";
import { listenForStrokes } from "./pointers.js";

/** @import { Position } from "./drawing.js" */
/** @import { Picture } from "./pictures.js" */

/** Canvas on which people draw, with the history of their drawings. */
export class DrawingCanvas {
  #canvas;

  #context;

  #listeners;

  #history = new History();

  /** @type {Position[]} */
  #stroke = []; // positions of the stroke that is being drawn

  #stopStroke;

  /**
   * Show a blank drawing, and listen for strokes.
   * @param {HTMLCanvasElement} canvas A square canvas.
   * @param {HTMLElement} frame The element around the canvas, in which a stroke may begin.
   * @param {{onChange: () => void, onHistory: () => void}} listeners `onChange` is called when the drawing looks
   *   different, `onHistory` when there is something else to undo or redo.
   */
  constructor(canvas, frame, listeners) {
    this.#canvas = canvas;
    this.#context = getContext(canvas, { alpha: false });
    this.#listeners = listeners;
    this.#stopStroke = listenForStrokes(canvas, frame, {
      start: (position) => this.#startStroke(position),
      extend: (positions) => this.#extendStroke(positions),
      end: () => this.#endStroke(),
      discard: () => this.#show(),
    });
    renderDrawing(this.#context, BLANK);
  }

  /**
   * Tell whether the drawing is blank.
   * @returns {boolean} True if there is neither a stroke nor a picture.
   */
  get isBlank() {
    return this.#stroke.length === 0 && this.#history.current === BLANK;
  }

  /**
   * Tell whether there is a drawing to return to.
   * @returns {boolean} True if `undo` has an effect.
   */
  get canUndo() {
    return this.#stroke.length > 0 || this.#history.canUndo;
  }

  /**
   * Tell whether there is an undone step.
   * @returns {boolean} True if `redo` has an effect.
   */
  get canRedo() {
    return this.#history.canRedo;
  }

  /**
   * Make the file that shows the drawing to the service.
   * @returns {Blob} A PNG of the strokes, or the file of the picture.
   */
  makePicture() {
    const { picture } = this.#history.current;
    return picture && this.#stroke.length === 0 ? picture.file : toPng(this.#canvas);
  }

  /** Make the drawing blank, as a step that can be undone. */
  clear() {
    this.#change(() => this.#history.current !== BLANK && this.#history.add(BLANK));
  }

  /** Return to the drawing before the last step. */
  undo() {
    this.#change(() => this.#history.undo());
  }

  /** Repeat the step that was undone last. */
  redo() {
    this.#change(() => this.#history.redo());
  }

  /**
   * Replace the drawing with a picture, as a step that can be undone.
   * @param {Picture} picture A decoded file.
   */
  showPicture(picture) {
    this.#change(() => this.#history.add({ picture, strokes: [] }));
  }

  /**
   * Change the history. A stroke that is being drawn becomes a step before the change, so that nothing is lost.
   * @param {() => void} step
   */
  #change(step) {
    this.#stopStroke();
    step();
    this.#show();
  }

  /** Show the current drawing of the history, without the stroke that is being drawn. */
  #show() {
    this.#stroke = [];
    renderDrawing(this.#context, this.#history.current);
    this.#listeners.onHistory();
    this.#listeners.onChange();
  }

  /**
   * Start a stroke with a dot. A tap leaves only this dot.
   * @param {Position} position
   */
  #startStroke(position) {
    if (this.#history.current.picture) renderDrawing(this.#context, BLANK);
    this.#extendStroke([position]);
    this.#listeners.onHistory();
  }

  /**
   * Extend the stroke that is being drawn.
   * @param {Position[]} positions
   */
  #extendStroke(positions) {
    renderStroke(this.#context, [...this.#stroke.slice(-1), ...positions]);
    this.#stroke.push(...positions);
    this.#listeners.onChange();
  }

  /** Add the stroke to the history. It looks as before, so the prediction stays. */
  #endStroke() {
    this.#history.add(addStroke(this.#history.current, this.#stroke));
    this.#stroke = [];
    this.#listeners.onHistory();
  }
}
