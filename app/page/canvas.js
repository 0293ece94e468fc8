/**
 * Canvas elements: their export as files, and positions of pointers on them.
 */

/** @import { Position } from "./drawing.js" */

const JPEG_QUALITY = 0.92; // from 0 to 1; the default of most browsers
const CROSSING_SAMPLES = 20; // positions that are examined between two positions

/**
 * Create a canvas that is not part of the page.
 * @param {number} width Width in pixels.
 * @param {number} height Height in pixels.
 * @returns {HTMLCanvasElement} A transparent canvas.
 */
export function createCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/**
 * Get the drawing context of a canvas.
 * @param {HTMLCanvasElement} canvas An element on the page, or one outside it.
 * @param {CanvasRenderingContext2DSettings} settings Settings of the context, for example without transparency.
 * @returns {CanvasRenderingContext2D} The context, which scales pictures with high quality.
 * @throws {Error} If the browser has no context for the canvas.
 */
export function getContext(canvas, settings = {}) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("The browser has no 2D context for the canvas.");
  context.imageSmoothingQuality = "high";
  return context;
}

/**
 * Export a canvas as a file.
 * `toBlob` is not used: in Chromium it waits for a frame, up to a second while nothing on the page moves.
 * @param {HTMLCanvasElement} canvas An element on the page, or one outside it.
 * @param {"image/png" | "image/jpeg"} type Media type of the file.
 * @returns {Blob} The file.
 */
export function encode(canvas, type) {
  const dataUrl = canvas.toDataURL(type, JPEG_QUALITY);
  const base64 = dataUrl.slice(dataUrl.indexOf(",") + 1);
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type });
}

/**
 * Convert the position of a pointer from coordinates of the window to those of a canvas.
 * @param {HTMLCanvasElement} canvas An element on the page.
 * @param {PointerEvent} event Event of the pointer.
 * @returns {Position} The position in pixels of the canvas, also outside the canvas.
 */
export function positionOn(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * canvas.width,
    y: ((event.clientY - box.top) / box.height) * canvas.height,
  };
}

/**
 * Tell whether a position is on a canvas.
 * @param {HTMLCanvasElement} canvas An element on the page.
 * @param {Position} position In pixels of the canvas.
 * @returns {boolean} False if the position is outside.
 */
export function isOn({ width, height }, { x, y }) {
  return x >= 0 && x <= width && y >= 0 && y <= height;
}

/**
 * Tell whether the path through some positions crosses a canvas. It examines some positions of each line of the path.
 * @param {HTMLCanvasElement} canvas An element on the page.
 * @param {Position[]} positions In pixels of the canvas.
 * @returns {boolean} False if the whole path is outside.
 */
export function isCrossing(canvas, positions) {
  return positions.some((to, index) => {
    const from = positions[index - 1] ?? to;
    return Array.from({ length: CROSSING_SAMPLES }, (_, step) => (step + 1) / CROSSING_SAMPLES).some((share) =>
      isOn(canvas, { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) }),
    );
  });
}
