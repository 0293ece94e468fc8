/**
 * Pictures from files that are chosen, dropped anywhere on the page, or pasted. The page decodes everything that the
 * browser can decode, and makes a smaller copy for the service.
 */

import { createCanvas, encode, getContext } from "./canvas.js";

/**
 * A picture from a file: the canvas that shows it, and the file that the service receives.
 * @typedef {{canvas: HTMLCanvasElement, file: Blob}} Picture
 */

const MAX_SIDE = 1024; // pixels; the service makes larger pictures as small as this
const MAX_LOSSLESS_PIXELS = 280 * 280; // a larger picture without transparency becomes a JPEG
const MAX_KEPT_BYTES = 4 * 2 ** 20; // of a file that is not copied; half of the service's limit
const OPAQUE = 255;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47]; // PNG specification, section 5.2
const PNG_BIT_DEPTH = 24; // position of the byte in the first chunk, section 11.2.1

/**
 * Decode a picture and copy it. The service limits the size and the formats of pictures, and the copy fits all limits.
 * A small PNG with 16 bits is not copied.
 * @param {Blob} file A file of any kind.
 * @returns {Promise<Picture | null>} The picture, or null if the browser cannot decode the file.
 */
export async function readPicture(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    const picture = copyPicture(image);
    const isSmall = Math.max(image.naturalWidth, image.naturalHeight) <= MAX_SIDE && file.size <= MAX_KEPT_BYTES;
    const bytes = new Uint8Array(isSmall ? await file.arrayBuffer() : []);
    return hasDeepPixels(bytes) ? { ...picture, file: new Blob([bytes], { type: "image/png" }) } : picture;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/**
 * Tell whether a file is a PNG with 16 bits for each value. A canvas keeps 8 of them, and would lose the strokes of a
 * scan that uses only the other ones.
 * @param {Uint8Array} bytes
 * @returns {boolean}
 */
function hasDeepPixels(bytes) {
  return PNG_SIGNATURE.every((byte, index) => bytes[index] === byte) && bytes[PNG_BIT_DEPTH] === 16;
}

/**
 * Copy a picture with at most `MAX_SIDE` pixels along a side.
 * @param {HTMLImageElement} image
 * @returns {Picture}
 */
function copyPicture(image) {
  const { naturalWidth, naturalHeight } = image;
  const scale = Math.min(1, MAX_SIDE / Math.max(naturalWidth, naturalHeight));
  const width = Math.max(1, Math.round(naturalWidth * scale));
  const height = Math.max(1, Math.round(naturalHeight * scale));
  const canvas = createCanvas(width, height);
  const context = getContext(canvas);
  context.drawImage(image, 0, 0, width, height);
  const isPhoto = width * height > MAX_LOSSLESS_PIXELS && isOpaque(context);
  return { canvas, file: encode(canvas, isPhoto ? "image/jpeg" : "image/png") };
}

/**
 * Tell whether no pixel of a canvas is transparent.
 * @param {CanvasRenderingContext2D} context
 * @returns {boolean}
 */
function isOpaque(context) {
  const { data } = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  for (let index = 3; index < data.length; index += 4) {
    if (data[index] !== OPAQUE) return false;
  }
  return true;
}

/**
 * Listen for files that are chosen, dropped or pasted.
 * @param {HTMLInputElement} input The file input.
 * @param {(files: File[]) => void} onFiles Called with the files, at least one. They may not be pictures.
 */
export function listenForFiles(input, onFiles) {
  input.addEventListener("change", () => {
    passFiles(input.files, onFiles);
    input.value = ""; // otherwise a second choice of the same file would not be a change
  });
  document.addEventListener("paste", (event) => passFiles(event.clipboardData?.files, onFiles));
  listenForDroppedFiles(onFiles);
}

/**
 * Call `onFiles` if a list has a file.
 * @param {FileList | null | undefined} files
 * @param {(files: File[]) => void} onFiles
 */
function passFiles(files, onFiles) {
  if (files?.length) onFiles([...files]);
}

/**
 * Listen for dropped files, and mark the page as a drop target while a file is dragged over it.
 * @param {(files: File[]) => void} onFiles
 */
function listenForDroppedFiles(onFiles) {
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // otherwise the browser would leave the page and open the file
    markDropTarget(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) markDropTarget(false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    markDropTarget(false);
    passFiles(event.dataTransfer?.files, onFiles);
  });
}

/**
 * Mark the page as a drop target, or remove the mark.
 * @param {boolean} isDropTarget
 */
function markDropTarget(isDropTarget) {
  document.body.classList.toggle("drop-target", isDropTarget);
}
