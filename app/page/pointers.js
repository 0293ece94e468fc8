/**
 * Pointers that draw: decides which of several pointers draws, and where its stroke begins and ends.
 *
 * One pointer draws at a time. A hand that holds a pen rests on the screen, and so does the palm of a hand whose finger
 * draws. So a pen comes before a finger, and the newest finger comes before an older one.
 */

import { isCrossing, isOn, positionOn } from "./canvas.js";

/** @import { Position } from "./drawing.js" */

/**
 * Functions that are called for a stroke.
 * @typedef {object} StrokeListener
 * @property {(position: Position) => void} start Called with the first position.
 * @property {(positions: Position[]) => void} extend Called with further positions.
 * @property {() => void} end Called at the end of the stroke.
 * @property {() => void} discard Called instead of `end` if the pointer did not mean to draw.
 */

/**
 * The pointer that draws at the moment. `isResting` is true until the pointer has moved.
 * @typedef {{id: number, type: string, isResting: boolean, start: Position}} Active
 */

const RESTING_DISTANCE = 0.03; // share of the canvas's side; a hand that rests moves less
const PRIMARY_BUTTON = 0; // of a mouse; also a finger, and the tip of a pen
const OTHER_USES = "a, button, label, summary, pre"; // a drag from these elements selects text, or does nothing

/** The pointers on a page with one canvas. */
class Pointers {
  #canvas;

  #frame;

  #listener;

  /** @type {Active | null} */
  #active = null;

  /** @type {Map<number, Position>} */
  #outside = new Map(); // last positions of pressed pointers that have not reached the canvas

  /**
   * Store the elements and the listener.
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} frame
   * @param {StrokeListener} listener
   */
  constructor(canvas, frame, listener) {
    this.#canvas = canvas;
    this.#frame = frame;
    this.#listener = listener;
  }

  /**
   * Start a stroke on the canvas, or remember the pointer until it reaches the canvas.
   * @param {PointerEvent} event
   */
  press(event) {
    if (event.button !== PRIMARY_BUTTON || !this.#mayDraw(event)) return;
    const position = positionOn(this.#canvas, event);
    const isInFrame = event.target instanceof Node && this.#frame.contains(event.target);
    if (isInFrame) event.preventDefault();
    if (isInFrame && isOn(this.#canvas, position)) this.#start(event, position);
    else if (isInFrame || mayEnter(event)) this.#outside.set(event.pointerId, position);
  }

  /**
   * Extend the stroke through every point that the pointer passed since the last frame.
   * @param {PointerEvent} event
   */
  move(event) {
    const positions = coalescedEvents(event).map((point) => positionOn(this.#canvas, point));
    if (this.#outside.has(event.pointerId)) this.#enter(event, positions);
    if (event.pointerId !== this.#active?.id) return;
    if (!isPressed(event)) {
      this.#finish(false); // the page has missed the end, for example behind a dialog
      return;
    }
    const { start } = this.#active;
    const radius = RESTING_DISTANCE * this.#canvas.width;
    this.#active.isResting &&= positions.every(({ x, y }) => Math.hypot(x - start.x, y - start.y) < radius);
    this.#listener.extend(positions);
  }

  /**
   * End the stroke of a pointer that was lifted, or that the system has taken away.
   * @param {PointerEvent} event
   */
  release(event) {
    this.#outside.delete(event.pointerId);
    if (event.pointerId !== this.#active?.id) return;
    this.#finish(event.type === "pointercancel" && this.#active.isResting);
  }

  /** Stop the stroke that is being drawn, without a call of the listener. */
  stop() {
    this.#active = null;
    document.body.classList.remove("has-stroke");
  }

  /**
   * Start the stroke of a pointer, and stop the stroke that another pointer draws.
   * @param {PointerEvent} event
   * @param {Position} position
   */
  #start(event, position) {
    if (this.#active) {
      this.#finish(this.#active.isResting || (event.pointerType === "pen" && this.#active.type === "touch"));
    }
    this.#outside.delete(event.pointerId);
    this.#active = { id: event.pointerId, type: event.pointerType, isResting: true, start: position };
    getSelection()?.removeAllRanges(); // a drag from outside has begun to select text
    document.body.classList.add("has-stroke");
    this.#canvas.setPointerCapture(event.pointerId);
    this.#listener.start(position);
  }

  /**
   * Start the stroke of a pointer from outside once it crosses the canvas.
   * @param {PointerEvent} event
   * @param {Position[]} positions
   */
  #enter(event, positions) {
    const last = this.#outside.get(event.pointerId);
    const next = positions.at(-1);
    if (!last || !next || !isPressed(event)) {
      this.#outside.delete(event.pointerId);
    } else if (isCrossing(this.#canvas, [last, ...positions]) && this.#mayDraw(event)) {
      this.#start(event, last);
    } else {
      this.#outside.set(event.pointerId, next);
    }
  }

  /**
   * End or discard the stroke of the active pointer.
   * @param {boolean} isDiscarded
   */
  #finish(isDiscarded) {
    this.stop();
    if (isDiscarded) this.#listener.discard();
    else this.#listener.end();
  }

  /**
   * Tell whether a pointer may draw beside the active pointer.
   * @param {PointerEvent} event
   * @returns {boolean}
   */
  #mayDraw(event) {
    return this.#active?.type !== "pen" || event.pointerType === "pen";
  }
}

/**
 * Listen for strokes on a canvas. A stroke may begin outside the canvas: a finger's in the frame, others anywhere.
 * @param {HTMLCanvasElement} canvas An element on the page.
 * @param {HTMLElement} frame The element around the canvas, in which a finger does not scroll the page.
 * @param {StrokeListener} listener Called for each stroke.
 * @returns {() => void} A function that stops the stroke that is being drawn, without a call of the listener.
 */
export function listenForStrokes(canvas, frame, listener) {
  const pointers = new Pointers(canvas, frame, listener);
  document.addEventListener("pointerdown", (event) => pointers.press(event));
  document.addEventListener("pointermove", (event) => pointers.move(event));
  document.addEventListener("pointerup", (event) => pointers.release(event));
  document.addEventListener("pointercancel", (event) => pointers.release(event));
  return () => pointers.stop();
}

/**
 * Tell whether the primary button is pressed, or a finger or a pen touches the screen.
 * @param {PointerEvent} event
 * @returns {boolean}
 */
function isPressed({ buttons }) {
  return buttons % 2 === 1; // the bit with the value 1
}

/**
 * Tell whether a pointer that was pressed outside the frame may draw when it reaches the canvas. A finger scrolls.
 * @param {PointerEvent} event
 * @returns {boolean}
 */
function mayEnter({ pointerType, target }) {
  return pointerType !== "touch" && target instanceof Element && !target.closest(OTHER_USES);
}

/**
 * List the pointer events since the last frame, oldest first.
 * Browsers offer the events between two frames only on secure origins; elsewhere the list has one event.
 * @param {PointerEvent} event
 * @returns {PointerEvent[]}
 */
function coalescedEvents(event) {
  const events = event.getCoalescedEvents?.() ?? [];
  return events.length > 0 ? events : [event];
}
