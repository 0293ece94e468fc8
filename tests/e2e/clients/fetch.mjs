// Sends requests with Node's fetch. Usage: node fetch.mjs < requests. README.md describes the input and the output.

import { readRequests } from "./requests.mjs";

for (const { url, headers, body } of readRequests()) {
  let line;
  try {
    const reply = await fetch(url, { method: "POST", headers, body });
    line = `${reply.status} ${await reply.text()}`;
  } catch (error) {
    line = `${error}: ${error.cause}`;
  }
  console.log(line.replaceAll(/\s+/g, " "));
}
