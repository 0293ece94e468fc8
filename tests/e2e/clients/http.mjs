// Sends requests with Node's module http. Usage: node http.mjs < requests. README.md describes the input and the output.

import http from "node:http";
import { readRequests } from "./requests.mjs";

/** Sends one request, and returns the line to print. */
function send({ url, headers, body }) {
  return new Promise((resolve) => {
    const request = http.request(url, { method: "POST", headers }, async (reply) => {
      try {
        resolve(`${reply.statusCode} ${Buffer.concat(await reply.toArray())}`);
      } catch (error) {
        resolve(String(error));
      }
    });
    request.on("error", (error) => resolve(String(error)));
    request.end(body);
  });
}

for (const request of readRequests()) {
  console.log((await send(request)).replaceAll(/\s+/g, " "));
}
