/**
 * Pointers that draw: decides which of several pointers draws, and where its stroke begins and ends.
 *
 * One pointer draws at a time. A hand rests on the screen while its finger or its pen draws. So a pen comes before a
 * finger, and a finger that moves comes before one that rests. Of two fingers that move, the newer one draws.
 */

import { isCrossing, isOn, positionOn } from "./canvas.js";

/** @import { Position } from "./drawing.js" */

/**
 * Functions that are called for a stroke.
 * @typedef {object} StrokeListener
 * @property {(position: Position) => void} start Called with the first position.
 * @property {(positions: Position[]) => void} extend Called with further positions.
 * @property {() => void} end Called at the end of the stroke.
 * @property {() => void} discard Called instead of `end` if the stroke must leave no trace.
 */

/**
 * The pointer that draws at the moment. `isResting` is true until the pointer has moved.
 * @typedef {{id: number, type: string, isResting: boolean, start: Position}} Active
 */

/**
 * First and last position of a pressed pointer that does not draw yet.
 * @typedef {{first: Position, last: Position}} Waiting
 */

const RESTING_DISTANCE = 0.03; // share of the canvas's side; a hand that rests moves less
const PRIMARY_BUTTON = 0; // of a mouse; also a finger, and the tip of a pen
const NOT_FOR_DRAWING = "a, button, label, summary, pre"; // a drag from these elements selects text, or does nothing

/** The pointers on a page with one canvas. */
class Pointers {
  #canvas;

  #frame;

  #listener;

  /** @type {Active | null} */
  #active = null;

  /** @type {Map<number, Waiting>} */
  #waiting = new Map();

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
   * Start a stroke on the canvas, or let the pointer wait until it may draw.
   * @param {PointerEvent} event
   */
  press(event) {
    if (event.button !== PRIMARY_BUTTON) return;
    const first = positionOn(this.#canvas, event);
    const isInFrame = event.target instanceof Node && this.#frame.contains(event.target);
    if (isInFrame) event.preventDefault();
    if (isInFrame && isOn(this.#canvas, first) && this.#mayDraw(event, false)) this.#start(event, first);
    else if (isInFrame || mayEnter(event)) this.#waiting.set(event.pointerId, { first, last: first });
  }

  /**
   * Extend the stroke through every point that the pointer passed since the last frame.
   * @param {PointerEvent} event
   */
  move(event) {
    if (!isPressed(event)) {
      this.release(event); // the page has missed the end, for example behind a dialog
      return;
    }
    const positions = coalescedEvents(event).map((point) => positionOn(this.#canvas, point));
    this.#startWaiting(event, positions);
    if (event.pointerId !== this.#active?.id) return;
    this.#active.isResting &&= !this.#hasMoved(this.#active.start, positions);
    this.#listener.extend(positions);
  }

  /**
   * End the stroke of a pointer that was lifted, or that the system has taken away.
   * @param {PointerEvent} event
   */
  release(event) {
    this.#waiting.delete(event.pointerId);
    if (event.pointerId !== this.#active?.id) return;
    this.#finish(event.type === "pointercancel" && this.#active.isResting);
  }

  /** End the stroke that is being drawn, or discard it if the pointer rests. */
  stop() {
    if (this.#active) this.#finish(this.#active.isResting);
  }

  /**
   * Start the stroke of a waiting pointer if it crosses the canvas and does not rest.
   * @param {PointerEvent} event
   * @param {Position[]} positions
   */
  #startWaiting(event, positions) {
    const waiting = this.#waiting.get(event.pointerId);
    if (!waiting) return;
    const { first, last } = waiting;
    const isDrawing = this.#hasMoved(first, positions) && isCrossing(this.#canvas, [last, ...positions]);
    if (isDrawing && this.#mayDraw(event, true)) this.#start(event, isOn(this.#canvas, first) ? first : last);
    else waiting.last = positions.at(-1) ?? last;
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
    this.#waiting.clear(); // an older pointer does not draw any more
    this.#active = { id: event.pointerId, type: event.pointerType, isResting: true, start: position };
    getSelection()?.removeAllRanges(); // a drag from outside has begun to select text
    this.#canvas.setPointerCapture(event.pointerId);
    this.#listener.start(position);
  }

  /**
   * End or discard the stroke of the active pointer.
   * @param {boolean} isDiscarded
   */
  #finish(isDiscarded) {
    this.#active = null;
    if (isDiscarded) this.#listener.discard();
    else this.#listener.end();
  }

  /**
   * Tell whether a pointer may draw instead of the active pointer. A hand that comes to rest beside a finger may not.
   * @param {PointerEvent} event
   * @param {boolean} hasMoved
   * @returns {boolean}
   */
  #mayDraw({ pointerType }, hasMoved) {
    if (!this.#active || pointerType === "pen") return true;
    return this.#active.type !== "pen" && (this.#active.isResting || hasMoved);
  }

  /**
   * Tell whether a pointer has moved more than a resting hand.
   * @param {Position} start
   * @param {Position[]} positions
   * @returns {boolean}
   */
  #hasMoved(start, positions) {
    const radius = RESTING_DISTANCE * this.#canvas.width;
    return positions.some(({ x, y }) => Math.hypot(x - start.x, y - start.y) > radius);
  }
}

/**
 * Listen for strokes on a canvas. A stroke may begin outside the canvas: a finger's in the frame, others anywhere.
 * @param {HTMLCanvasElement} canvas An element on the page.
 * @param {HTMLElement} frame The element around the canvas, in which a finger does not scroll the page.
 * @param {StrokeListener} listener Called for each stroke.
 * @returns {() => void} A function that ends the stroke that is being drawn, or discards it if the pointer rests.
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
  return pointerType !== "touch" && target instanceof Element && !target.closest(NOT_FOR_DRAWING);
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
