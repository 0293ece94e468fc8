// Drives a page in Firefox. Usage: node firefox_page.mjs EXECUTABLE < commands. README.md describes the commands and
// the replies.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../../requirements/clients/", import.meta.url));
const puppeteer = require("puppeteer-core");

const START_LIMIT_MS = 60_000;
const LIMIT_MS = 20_000; // for every other step
const VIEWPORT = { width: 1280, height: 800 };
// Firefox asks no name server, so it cannot reach the hosts with its updates.
const PREFERENCES = { "network.dns.native-is-localhost": true, "network.dns.native_https_query": false };

/** Returns the commands for a page. Each one takes an object with its options. */
function createCommands(page) {
  const errors = [];
  page.setDefaultTimeout(LIMIT_MS);
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });

  /** Opens a URL. */
  async function open({ url }) {
    await page.goto(url);
  }

  /** Draws strokes with the mouse. Positions are shares of the width and the height of the element. */
  async function draw({ selector, strokes }) {
    const element = await page.waitForSelector(selector);
    const { x, y, width, height } = await element.boundingBox();
    for (const stroke of strokes) {
      const [start, ...others] = stroke.map((position) => [x + position[0] * width, y + position[1] * height]);
      await page.mouse.move(...start);
      await page.mouse.down();
      for (const position of others) await page.mouse.move(...position, { steps: 4 });
      await page.mouse.up();
    }
  }

  /** Clicks an element. */
  async function click({ selector }) {
    const element = await page.waitForSelector(selector);
    await element.click();
  }

  /** Presses keys together, for example "Control+z". */
  async function press({ keys }) {
    const names = keys.split("+");
    for (const name of names) await page.keyboard.down(name);
    for (const name of names.reverse()) await page.keyboard.up(name);
  }

  /** Drops a file on an element. WebDriver has no files from outside the browser, so the page itself makes the file. */
  async function drop({ selector, ...file }) {
    const element = await page.waitForSelector(selector);
    await element.evaluate(dispatchDrop, file);
  }

  /** Waits until the text of an element matches a regular expression. */
  async function waitForText({ selector, pattern }) {
    try {
      await page.waitForFunction(hasText, {}, selector, pattern);
    } catch (cause) {
      const texts = await page.$$eval(selector, (elements) => elements.map((element) => element.textContent));
      throw new Error(`No element ${selector} has a text like ${pattern}. Texts: ${JSON.stringify(texts)}`, { cause });
    }
  }

  /** Returns the errors since the last call: uncaught ones, and those on the console. */
  function takeErrors() {
    return errors.splice(0);
  }

  return { open, draw, click, press, drop, waitForText, takeErrors };
}

/** Runs in the page: dispatches the events of a dropped file. */
function dispatchDrop(element, { name, type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type }));
  for (const eventType of ["dragenter", "dragover", "drop"]) {
    element.dispatchEvent(new DragEvent(eventType, { bubbles: true, cancelable: true, dataTransfer }));
  }
}

/** Runs in the page: tells whether the text of an element matches a regular expression. */
function hasText(selector, pattern) {
  const elements = [...document.querySelectorAll(selector)];
  return elements.some((element) => new RegExp(pattern, "u").test(element.textContent));
}

/** Runs a command, and returns the reply. */
async function run(commands, { command, ...options }) {
  try {
    return { result: (await commands[command](options)) ?? null };
  } catch (error) {
    return { error: String(error) };
  }
}

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.argv[2],
  headless: true,
  defaultViewport: VIEWPORT,
  extraPrefsFirefox: PREFERENCES,
  timeout: START_LIMIT_MS,
  protocolTimeout: LIMIT_MS,
});
try {
  console.log(JSON.stringify({ result: browser.process().pid }));
  const commands = createCommands(await browser.newPage());
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await run(commands, JSON.parse(line))));
  }
} finally {
  await browser.close();
}
