/**
 * Probabilities as percentages.
 */

/**
 * Format a probability as a percentage, rounded down and below 100, because the network is never certain.
 * @param {number} probability From 0 to 1.
 * @param {number} decimals Number of digits after the decimal point.
 * @returns {string} The percentage without its sign.
 */
export function formatPercent(probability, decimals) {
  const steps = 10 ** decimals;
  const floor = Math.floor(probability * 100 * steps);
  return (Math.min(floor, 100 * steps - 1) / steps).toFixed(decimals);
}
