/**
 * The reading as a command for a shell, and a button that copies it.
 */

const PLACEHOLDER = "Draw a digit, and the command that asks for it appears here.";
const FEEDBACK = 2_000; // ms
const PLAIN_IN_A_SHELL = /^[\w./:~-]+$/;

/**
 * Create what shows the command.
 * @param {{code: HTMLElement, button: HTMLButtonElement}} elements Where, and what copies it.
 */
export function createCurl({ code, button }) {
  const label = button.textContent;
  let timer;

  /** Show the command of a reading; in trouble the last one stays, like the reading itself. */
  function follow(outcome) {
    if (outcome.kind === "trouble") return;
    const read = outcome.kind === "answer";
    code.textContent = read ? command(outcome.body.pixels) : PLACEHOLDER;
    code.classList.toggle("placeholder", !read);
    button.disabled = !read;
  }

  /** Copy the command and say so for a while. */
  async function copy() {
    button.textContent = (await copyText(code)) ? "Copied" : "Press Ctrl+C";
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = label;
    }, FEEDBACK);
  }

  button.addEventListener("click", copy);
  return { follow };
}

/** Write the command that has an 8×8 read. */
function command(pixels) {
  const address = new URL("predict", document.baseURI).href;
  const rows = pixels.map((row) => JSON.stringify(row)).join(",\n  ");
  return `curl -s ${quote(address)} -d '{"pixels": [\n  ${rows}]}'`;
}

/** Quote a word for a shell if it needs it. */
function quote(word) {
  return PLAIN_IN_A_SHELL.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Copy an element's text; browsers hide the clipboard from pages without TLS, so there is the old way too. */
async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}
