/**
 * Words for people: how sure the network is, and why there is no prediction.
 */

/** @import { Prediction } from "./predictor.js" */
/** @import { Rejected, Unavailable } from "./request.js" */

const SURE_FROM = 0.6; // probability
export const UNAUTHORIZED = 401; // status if there is no valid key
const BUSY = new Set([429, 503]);
// Problem types, docs/api.md. The page sends pictures that can be decoded, so an invalid one shows no digit.
const NO_DIGIT = "urn:digits:problem:invalid-input";
const SEVERAL_DIGITS = "urn:digits:problem:several-digits";

/**
 * Tell whether the network is sure of a prediction.
 * @param {Prediction} prediction Answer of the service.
 * @returns {boolean} False if the two likeliest digits must be shown.
 */
export function isSure({ digit, probabilities }) {
  return (probabilities[digit] ?? 0) >= SURE_FROM;
}

/**
 * List the digits to show: the predicted one, and the second likeliest one if the network is not sure.
 * @param {Prediction} prediction Answer of the service.
 * @returns {number[]} One or two digits, the likeliest first.
 */
export function likeliestDigits(prediction) {
  const { digit, probabilities } = prediction;
  if (isSure(prediction)) return [digit];
  const others = probabilities.map((_, other) => other).filter((other) => other !== digit);
  others.sort((first, second) => (probabilities[second] ?? 0) - (probabilities[first] ?? 0));
  return [digit, ...others.slice(0, 1)];
}

/**
 * Format a probability as a percentage, rounded down and below 100, because the network is never certain.
 * @param {number} probability From 0 to 1.
 * @param {number} decimals Number of digits after the decimal point.
 * @returns {string} The percentage without its sign.
 */
export function formatPercent(probability, decimals) {
  const steps = 10 ** decimals;
  const floor = Math.floor(Number((probability * 100 * steps).toFixed(6))); // 0.57 * 100 is 56.99999999999999
  return (Math.min(floor, 100 * steps - 1) / steps).toFixed(decimals);
}

/**
 * Tell why there is no prediction, and what a person can do.
 * @param {Rejected | Unavailable} outcome The outcome of a request.
 * @returns {string} One or two sentences.
 */
export function messageOf({ kind, status, type }) {
  if (type === SEVERAL_DIGITS) return "There is more than one digit. Show one at a time.";
  if (type === NO_DIGIT) return "Nothing to see yet. Draw a digit, or choose a darker photo.";
  if (status === UNAUTHORIZED) return "This service needs a key. Enter it at the top of the page.";
  if (kind === "rejected") return "This page cannot get an answer here. Reload it, or try again later.";
  if (BUSY.has(status)) return "The service is busy. Your drawing is kept, and the answer follows.";
  if (status > 0) return "Something went wrong. Your drawing is kept, and the page tries again.";
  return "No connection. Your drawing is kept, and the page connects again.";
}

/**
 * Ask for a key.
 * @param {boolean} hasKey True if the service has rejected the last key.
 * @returns {string} A sentence that ends with a colon.
 */
export function keyQuestion(hasKey) {
  return hasKey ? "This key is not valid. Enter another key:" : "This service needs a key:";
}

/**
 * Tell about files that were chosen, dropped or pasted.
 * @param {number} fileCount Number of files, of which the page uses the first.
 * @param {boolean} isPicture False if the browser cannot decode the first file.
 * @returns {string} The message, or nothing if there is nothing to tell.
 */
export function fileMessage(fileCount, isPicture) {
  if (!isPicture) return "This browser cannot open the file as a picture. Choose a JPEG or PNG.";
  return fileCount > 1 ? `Of ${fileCount} files, only the first one is used.` : "";
}
