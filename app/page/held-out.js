/**
 * How well the network reads images that it never saw in training: a sentence, and the confusion matrix.
 */

import { askPatiently } from "./ask.js";

const HEAT_LEVELS = 4; // style.css has a colour for each

/**
 * Ask for the figures and show them.
 * @param {{accuracy: HTMLElement, confusion: HTMLTableElement}} elements Where.
 */
export async function showHeldOut({ accuracy, confusion }) {
  const sayTrouble = (trouble) => {
    accuracy.textContent = trouble.message;
  };
  const outcome = await askPatiently(makeRequest, sayTrouble, new AbortController().signal);
  if (outcome.kind === "refusal") return sayTrouble(outcome);
  accuracy.textContent = sentence(outcome.body);
  fillTable(confusion, outcome.body.held_out.confusion);
}

/** Make the request for the figures. */
function makeRequest() {
  return new Request("metrics", { headers: { Accept: "application/json" } });
}

/** Put the accuracy into a sentence. */
function sentence(metrics) {
  const percent = (metrics.accuracy * 100).toFixed(2);
  return `It reads ${percent} % of ${metrics.held_out.rows} images it never saw in training.`;
}

/** Fill a table with a head of digits, and a row for each. */
function fillTable(table, counts) {
  const digits = counts.map((_, digit) => createHeader(digit, "col"));
  table.createTHead().insertRow().append(document.createElement("td"), ...digits);
  const body = table.createTBody();
  counts.forEach((row, digit) => fillRow(body.insertRow(), row, digit));
}

/** Fill the row of one true digit. */
function fillRow(element, row, digit) {
  const total = row.reduce((sum, count) => sum + count, 0);
  element.append(createHeader(digit, "row"), ...row.map((count) => createCell(count, total)));
}

/** Create a header of a row or column. */
function createHeader(digit, scope) {
  const header = document.createElement("th");
  header.scope = scope;
  header.textContent = digit;
  return header;
}

/** Create a cell; none has no text, so that the eye finds the mistakes. */
function createCell(count, total) {
  const cell = document.createElement("td");
  if (count === 0) return cell;
  cell.textContent = count;
  cell.dataset.heat = Math.ceil(HEAT_LEVELS * Math.sqrt(count / total)); // a root, or one mistake would not show
  return cell;
}
