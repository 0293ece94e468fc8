/**
 * The paper: pointers leave ink on a canvas, and the canvas becomes a picture.
 */

const PICTURE_SIDE = 280;
const PEN_WIDTH = 0.085; // of the side; about what a felt pen leaves in a box on a form
const INK = "#000";
const BLANK = "#fff";

/**
 * Make a canvas writable.
 * @param {HTMLCanvasElement} canvas A square one.
 * @param {{onStart: () => void, onInk: () => void}} listeners Called before a stroke, and after each piece of it.
 */
export function createPaper(canvas, { onStart, onInk }) {
  const context = canvas.getContext("2d", { alpha: false });
  let stroke = null; // of the one pointer that writes: { pointerId, x, y }
  let sheet = 0; // tells a picture that was slow to decode that its sheet is gone
  let picture = false;

  /** Start a stroke, with a dot, which is all that a tap leaves. */
  function start(event) {
    if (stroke || event.button !== 0) return;
    event.preventDefault();
    onStart();
    stroke = { pointerId: event.pointerId, ...position(canvas, event) };
    drawDot(context, stroke);
    onInk();
    canvas.setPointerCapture(event.pointerId);
  }

  /** Go on with the stroke through every point that the pointer passed since the last frame. */
  function move(event) {
    if (event.pointerId !== stroke?.pointerId) return;
    for (const passed of passedPoints(event)) {
      const next = position(canvas, passed);
      drawLine(context, stroke, next);
      Object.assign(stroke, next);
    }
    onInk();
  }

  /** End the stroke. */
  function end(event) {
    if (event.pointerId === stroke?.pointerId) stroke = null;
  }

  /** Take a fresh sheet. */
  function clear() {
    stroke = null;
    picture = false;
    sheet += 1;
    context.fillStyle = BLANK;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  /** Lay a picture on a fresh sheet, as large as it fits; one that the browser cannot decode is not shown. */
  async function show(file) {
    clear();
    picture = true;
    const own = sheet;
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap && own === sheet) drawFitted(context, bitmap);
  }

  canvas.addEventListener("pointerdown", start);
  canvas.addEventListener("pointermove", move);
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(type, end);
  clear();

  return { clear, show, holdsPicture: () => picture, toPicture: () => toPicture(canvas) };
}

/** List the points that a pointer passed; browsers hand out those between frames only on secure origins. */
function passedPoints(event) {
  const points = event.getCoalescedEvents?.() ?? [];
  return points.length > 0 ? points : [event];
}

/** Tell where on the canvas a pointer is, in the canvas' own points. */
function position(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * canvas.width,
    y: ((event.clientY - box.top) / box.height) * canvas.height,
  };
}

/** Draw what a tap leaves; a line from a point to itself would leave nothing. */
function drawDot(context, { x, y }) {
  context.fillStyle = INK;
  context.beginPath();
  context.arc(x, y, (PEN_WIDTH * context.canvas.width) / 2, 0, 2 * Math.PI);
  context.fill();
}

/** Draw one piece of a stroke. */
function drawLine(context, from, to) {
  context.strokeStyle = INK;
  context.lineWidth = PEN_WIDTH * context.canvas.width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

/** Draw a picture wholly inside the canvas, centred. */
function drawFitted(context, bitmap) {
  const { width, height } = context.canvas;
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [fittedWidth, fittedHeight] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (width - fittedWidth) / 2, (height - fittedHeight) / 2, fittedWidth, fittedHeight);
}

/**
 * Make the PNG that is sent: smaller than the canvas, which is as sharp as a screen.
 * Not by toBlob, which in Chromium waits for a frame and so up to a second on a page that stands still.
 */
function toPicture(canvas) {
  const small = document.createElement("canvas");
  small.width = PICTURE_SIDE;
  small.height = PICTURE_SIDE;
  const context = small.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, PICTURE_SIDE, PICTURE_SIDE);
  const [, base64] = small.toDataURL("image/png").split(",");
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
