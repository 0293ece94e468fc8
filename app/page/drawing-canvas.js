/**
 * The drawing canvas: pointers draw strokes on it, and its content is exported as a PNG.
 */

const PNG_SIDE = 280; // rows and columns
const STROKE_WIDTH = 0.085; // share of the canvas's side; about that of a felt pen in a box on a form
const STROKE_COLOUR = "#000";
const BACKGROUND_COLOUR = "#fff";

/**
 * A position on the canvas, in pixels of the canvas.
 * @typedef {{x: number, y: number}} Position
 */

/**
 * The stroke that a pointer draws at the moment, with the last position of the pointer.
 * @typedef {Position & {pointerId: number}} Stroke
 */

/**
 * Make a canvas element respond to mouse, pen and finger.
 * @param {HTMLCanvasElement} canvas A square canvas.
 * @param {{onStrokeStart: () => void, onStrokeChange: () => void}} listeners `onStrokeStart` is called before
 *   a stroke, `onStrokeChange` after each new segment of a stroke.
 * @returns {{clear: () => void, showPicture: (file: Blob) => Promise<void>, hasPicture: () => boolean,
 *   toPng: () => Blob}} `clear` makes the canvas blank. `showPicture` replaces its content with a picture.
 *   `hasPicture` returns true from `showPicture` until `clear`. `toPng` exports the content.
 */
export function createDrawingCanvas(canvas, { onStrokeStart, onStrokeChange }) {
  const context = getOpaqueContext(canvas);
  /** @type {Stroke | null} */
  let stroke = null;
  let clearCount = 0; // shows whether the canvas was cleared while a picture was being decoded
  let hasPicture = false;

  /**
   * Start a stroke with a dot. A tap leaves only this dot.
   * @param {PointerEvent} event
   */
  function startStroke(event) {
    if (stroke || event.button !== 0) return;
    event.preventDefault();
    onStrokeStart();
    stroke = { pointerId: event.pointerId, ...positionOnCanvas(canvas, event) };
    drawDot(context, stroke);
    onStrokeChange();
    canvas.setPointerCapture(event.pointerId);
  }

  /**
   * Extend the stroke through every point that the pointer passed since the last frame.
   * @param {PointerEvent} event
   */
  function extendStroke(event) {
    if (event.pointerId !== stroke?.pointerId) return;
    for (const point of coalescedEvents(event)) {
      const position = positionOnCanvas(canvas, point);
      drawSegment(context, stroke, position);
      Object.assign(stroke, position);
    }
    onStrokeChange();
  }

  /**
   * End the stroke if the event is one of its pointer.
   * @param {PointerEvent} event
   */
  function endStroke(event) {
    if (event.pointerId === stroke?.pointerId) stroke = null;
  }

  /** Make the canvas blank, and end the stroke. */
  function clear() {
    stroke = null;
    hasPicture = false;
    clearCount += 1;
    context.fillStyle = BACKGROUND_COLOUR;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  /**
   * Replace the content with a picture. If the browser cannot decode the picture, the canvas stays blank.
   * @param {Blob} file
   */
  async function showPicture(file) {
    clear();
    hasPicture = true;
    const clearCountAtStart = clearCount;
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap && clearCountAtStart === clearCount) drawFitted(context, bitmap);
  }

  canvas.addEventListener("pointerdown", startStroke);
  canvas.addEventListener("pointermove", extendStroke);
  for (const type of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
    canvas.addEventListener(type, endStroke);
  }
  clear();

  return { clear, showPicture, hasPicture: () => hasPicture, toPng: () => toPng(canvas) };
}

/**
 * Get the context that draws on a canvas without transparency.
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function getOpaqueContext(canvas) {
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("The browser has no 2D context for the canvas.");
  return context;
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

/**
 * Convert the position of a pointer from coordinates of the window to those of the canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {PointerEvent} event
 * @returns {Position}
 */
function positionOnCanvas(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * canvas.width,
    y: ((event.clientY - box.top) / box.height) * canvas.height,
  };
}

/**
 * Draw the dot of a tap. A segment from a point to itself would leave nothing.
 * @param {CanvasRenderingContext2D} context
 * @param {Position} position
 */
function drawDot(context, { x, y }) {
  context.fillStyle = STROKE_COLOUR;
  context.beginPath();
  context.arc(x, y, (STROKE_WIDTH * context.canvas.width) / 2, 0, 2 * Math.PI);
  context.fill();
}

/**
 * Draw one straight segment of a stroke.
 * @param {CanvasRenderingContext2D} context
 * @param {Position} from
 * @param {Position} to
 */
function drawSegment(context, from, to) {
  context.strokeStyle = STROKE_COLOUR;
  context.lineWidth = STROKE_WIDTH * context.canvas.width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

/**
 * Draw a picture in the middle of the canvas, as large as it fits without cropping.
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} bitmap
 */
function drawFitted(context, bitmap) {
  const { width, height } = context.canvas;
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [newWidth, newHeight] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (width - newWidth) / 2, (height - newHeight) / 2, newWidth, newHeight);
}

/**
 * Export the content of the canvas as a PNG.
 * The PNG has fewer pixels than the canvas, because the canvas is sized for sharp screens.
 * `toBlob` is not used: in Chromium it waits for a frame, up to a second while nothing on the page moves.
 * @param {HTMLCanvasElement} canvas
 * @returns {Blob}
 */
function toPng(canvas) {
  const smallCanvas = document.createElement("canvas");
  smallCanvas.width = PNG_SIDE;
  smallCanvas.height = PNG_SIDE;
  const context = getOpaqueContext(smallCanvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, PNG_SIDE, PNG_SIDE);
  const dataUrl = smallCanvas.toDataURL("image/png");
  const base64 = dataUrl.slice(dataUrl.indexOf(",") + 1);
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
