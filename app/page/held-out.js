/**
 * Shows the metrics of the network on the held-out images: the accuracy and the confusion matrix.
 */

import { fetchWithRetry } from "./request.js";

/** @import { Rejected, Success, Unavailable } from "./request.js" */

/**
 * The part of the service's metrics that the page shows. A row of the confusion matrix is a true digit, a
 * column is a predicted digit.
 * @typedef {{accuracy: number, held_out: {rows: number, confusion: number[][]}}} Metrics
 */

const HEAT_LEVELS = 4; // components.css has a colour for each level

/**
 * Request the metrics of the service, and show those of the held-out images.
 * @param {{accuracy: HTMLElement, confusion: HTMLTableElement}} elements The element for the accuracy or an
 *   error message, and the empty table for the confusion matrix.
 * @returns {Promise<void>} Resolved when the metrics are shown, or the message of a rejected request.
 */
export async function showHeldOutMetrics({ accuracy, confusion }) {
  /** @param {Rejected | Unavailable} outcome */
  const showMessage = ({ message }) => {
    accuracy.textContent = message;
  };
  const neverAborted = new AbortController().signal;
  /** @type {Success<Metrics> | Rejected} */
  const outcome = await fetchWithRetry(makeRequest, showMessage, neverAborted);
  if (outcome.kind === "rejected") {
    showMessage(outcome);
  } else {
    accuracy.textContent = accuracySentence(outcome.body);
    fillConfusionMatrix(confusion, outcome.body.held_out.confusion);
  }
}

/**
 * Make the request for the metrics.
 * @returns {Request}
 */
function makeRequest() {
  return new Request("metrics", { headers: { Accept: "application/json" } });
}

/**
 * State the accuracy in a sentence.
 * @param {Metrics} metrics
 * @returns {string}
 */
function accuracySentence(metrics) {
  const percent = (metrics.accuracy * 100).toFixed(2);
  return `It reads ${percent} % of ${metrics.held_out.rows} images it never saw in training.`;
}

/**
 * Fill the table: a header row with the predicted digits, then one row for each true digit.
 * @param {HTMLTableElement} table
 * @param {number[][]} counts
 */
function fillConfusionMatrix(table, counts) {
  const headers = counts.map((_, digit) => createHeader(digit, "col"));
  table.createTHead().insertRow().append(document.createElement("td"), ...headers);
  const body = table.createTBody();
  counts.forEach((rowCounts, digit) => fillRow(body.insertRow(), rowCounts, digit));
}

/**
 * Fill the row of one true digit.
 * @param {HTMLTableRowElement} row
 * @param {number[]} rowCounts
 * @param {number} digit
 */
function fillRow(row, rowCounts, digit) {
  const total = rowCounts.reduce((sum, count) => sum + count, 0);
  row.append(createHeader(digit, "row"), ...rowCounts.map((count) => createCell(count, total)));
}

/**
 * Create the header of a row or column.
 * @param {number} digit
 * @param {"row" | "col"} scope
 * @returns {HTMLTableCellElement}
 */
function createHeader(digit, scope) {
  const header = document.createElement("th");
  header.scope = scope;
  header.textContent = String(digit);
  return header;
}

/**
 * Create the cell of a count. The cell of a count of 0 stays empty, so that mistakes are easy to see.
 * @param {number} count
 * @param {number} total Sum of the counts of the row.
 * @returns {HTMLTableCellElement}
 */
function createCell(count, total) {
  const cell = document.createElement("td");
  if (count === 0) return cell;
  cell.textContent = String(count);
  // The square root raises small shares; without it a single mistake would be hard to see.
  cell.dataset.heat = String(Math.ceil(HEAT_LEVELS * Math.sqrt(count / total)));
  return cell;
}
