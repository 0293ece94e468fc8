/**
 * What to send when: the newest picture of a sheet, one at a time, until it is answered.
 *
 * @typedef {import("./ask.js").Answer | import("./ask.js").Refusal | import("./ask.js").Trouble
 *   | {kind: "blank"}} Outcome
 */

import { askPatiently, pause } from "./ask.js";

const REST = 120; // ms between changes and a request; a pen that does not stop is read about as often

/**
 * Create what has pictures read.
 * @param {(outcome: Outcome) => void} tell Called with everything that becomes known, oldest first.
 */
export function createRecogniser(tell) {
  let sheet = null;

  /** Have a picture read, in place of all earlier ones of this sheet that were not sent yet. */
  function read(makePicture) {
    sheet ??= { makePicture, changed: false, followed: false, controller: new AbortController() };
    sheet.makePicture = makePicture;
    sheet.changed = true;
    if (!sheet.followed) follow(sheet, tell);
  }

  /** Start a new sheet; nothing is told of the old one any more. */
  function forget() {
    sheet?.controller.abort();
    sheet = null;
    tell({ kind: "blank" });
  }

  return { read, forget };
}

/** Send the changes of a sheet one after the other, until there are none left or it is forgotten. */
async function follow(sheet, tell) {
  const { signal } = sheet.controller;
  sheet.followed = true;
  try {
    while (sheet.changed) {
      await pause(REST);
      signal.throwIfAborted();
      tell(await askPatiently(() => takeRequest(sheet), tell, signal));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    sheet.followed = false;
  }
}

/** Make the request for what a sheet shows now. */
function takeRequest(sheet) {
  sheet.changed = false;
  return new Request("predict/picture", { method: "POST", body: sheet.makePicture() });
}
