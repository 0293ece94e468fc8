/**
 * Pictures from files: chosen with the file input, dropped anywhere on the page, or pasted.
 */

/**
 * Listen for files that are chosen, dropped or pasted.
 * @param {HTMLInputElement} input The file input.
 * @param {(file: File) => void} onPicture Called with each file. The server checks that it is a picture.
 */
export function listenForPictures(input, onPicture) {
  input.addEventListener("change", () => {
    passFirstFile(input.files, onPicture);
    input.value = ""; // otherwise a second choice of the same file would not be a change
  });
  document.addEventListener("paste", (event) => passFirstFile(event.clipboardData?.files, onPicture));
  listenForDroppedFiles(onPicture);
}

/**
 * Call `onPicture` with the first file of a list, if the list has one.
 * @param {FileList | null | undefined} files
 * @param {(file: File) => void} onPicture
 */
function passFirstFile(files, onPicture) {
  const file = files?.[0];
  if (file) onPicture(file);
}

/**
 * Listen for dropped files, and mark the page as a drop target while a file is dragged over it.
 * @param {(file: File) => void} onPicture
 */
function listenForDroppedFiles(onPicture) {
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
    passFirstFile(event.dataTransfer?.files, onPicture);
  });
}

/**
 * Mark the page as a drop target, or remove the mark.
 * @param {boolean} isDropTarget
 */
function markDropTarget(isDropTarget) {
  document.body.classList.toggle("drop-target", isDropTarget);
}
