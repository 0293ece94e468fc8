// Reads the requests that fetch.mjs and http.mjs send; README.md describes the format.

import { readFileSync } from "node:fs";

export function* readRequests() {
  for (const line of readFileSync(0, "utf8").trim().split("\n")) {
    const [url, type, fillerBytes, file] = line.split("\t");
    const headers = { "content-type": type, "x-filler": "x".repeat(Number(fillerBytes)) };
    yield { url, headers, body: readFileSync(file) };
  }
}
