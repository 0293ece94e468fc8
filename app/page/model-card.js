/**
 * Shows the model card: facts about the network, and its metrics on the held-out images.
 */

import { fetchWithRetry } from "./request.js";

/**
 * The part of the service's metrics that the page shows. A row of the confusion matrix is a true digit, a
 * column is a predicted digit.
 * @typedef {{accuracy: number, log_loss: number, calibration_error: number, held_out: {rows: number,
 *   confusion: number[][]}, model: {version: string, layers: number[], recipe: string}}} Metrics
 */

const MAX_ATTEMPTS = 5; // a proxy may never let the request pass
const HEAT_LEVELS = 4; // sections.css has a colour for each level

/**
 * Request the metrics of the service, and show them. If the service or a proxy withholds them, nothing is shown.
 * @param {{card: HTMLElement, link: HTMLElement, accuracy: HTMLElement, facts: HTMLElement,
 *   confusion: HTMLTableElement}} elements The hidden section and the hidden link to it; elements of the section for
 *   the accuracy, the list of facts, and the confusion matrix, all empty.
 * @param {Record<string, string>} headers Headers of the request.
 * @returns {Promise<void>} Resolved when the metrics are shown, or when a retry would not help.
 */
export async function showModelCard({ card, link, accuracy, facts, confusion }, headers) {
  const controller = new AbortController();
  let attempts = 0;
  const giveUpLater = () => {
    attempts += 1;
    if (attempts === MAX_ATTEMPTS) controller.abort();
  };
  const makeRequest = () => new Request("metrics", { headers: { Accept: "application/json", ...headers } });
  /** @type {Awaited<ReturnType<typeof fetchWithRetry<Metrics>>>} */
  const outcome = await fetchWithRetry(makeRequest, giveUpLater, controller.signal);
  if (outcome?.kind !== "success") return;
  const metrics = outcome.body;
  if (!metrics?.held_out || !card.hidden) return; // a proxy has answered, or an earlier request
  accuracy.textContent = accuracySentence(metrics);
  facts.append(...modelFacts(metrics).flatMap(([name, value]) => [createText("dt", name), createText("dd", value)]));
  fillConfusionMatrix(confusion, metrics.held_out.confusion);
  card.hidden = false;
  link.hidden = false;
}

/**
 * State the accuracy in a sentence.
 * @param {Metrics} metrics
 * @returns {string}
 */
function accuracySentence(metrics) {
  const percent = (metrics.accuracy * 100).toFixed(2);
  return `The network classifies ${percent} % of ${metrics.held_out.rows} images correctly. It never saw them in training.`;
}

/**
 * List the name and the value of each fact.
 * @param {Metrics} metrics
 * @returns {[string, string][]}
 */
function modelFacts({ model, log_loss: logLoss, calibration_error: calibrationError }) {
  return [
    ["Version", model.version],
    ["Layers", model.layers.join(" – ")],
    ["Training recipe", model.recipe],
    ["Log-loss", logLoss.toFixed(4)],
    ["Calibration error", calibrationError.toFixed(4)],
  ];
}

/**
 * Create an element with a text.
 * @param {"dt" | "dd"} name
 * @param {string} text
 * @returns {HTMLElement}
 */
function createText(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
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
