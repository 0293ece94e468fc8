/**
 * Pictures that come as files: chosen, dropped anywhere on the page, or pasted.
 */

/**
 * Listen for pictures.
 * @param {HTMLInputElement} input The one to choose a file with.
 * @param {(file: File) => void} onPicture Called with each; whether it is a picture is for the server to say.
 */
export function takePictures(input, onPicture) {
  input.addEventListener("change", () => {
    takeFirst(input.files, onPicture);
    input.value = ""; // or choosing the same file again would be no change
  });
  document.addEventListener("paste", (event) => takeFirst(event.clipboardData?.files, onPicture));
  takeDropped(onPicture);
}

/** Hand on the first file of a list, if there is one. */
function takeFirst(files, onPicture) {
  if (files?.length > 0) onPicture(files[0]);
}

/** Take files that are dropped, and show while one hovers that the page would. */
function takeDropped(onPicture) {
  const setHovering = (hovering) => document.body.classList.toggle("hovering", hovering);

  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // or the browser would leave the page to open the file
    setHovering(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) setHovering(false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    setHovering(false);
    takeFirst(event.dataTransfer.files, onPicture);
  });
}
