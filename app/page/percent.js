/**
 * Shares as percentages.
 */

/**
 * Write how sure the network is, rounded down and never as 100, because it is never certain.
 * @param {number} probability From 0 to 1.
 * @param {number} decimals How many.
 */
export function percentSure(probability, decimals) {
  const steps = 10 ** decimals;
  const floor = Math.floor(probability * 100 * steps);
  return (Math.min(floor, 100 * steps - 1) / steps).toFixed(decimals);
}
