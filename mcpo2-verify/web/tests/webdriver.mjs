// A browser by WebDriver (w3.org/TR/webdriver2), and files on localhost; nothing that npm would have to bring.

import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Serves a directory; `asked` has what was asked for. */
export async function serve(dir) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const path = join(dir, normalize(request.url === "/" ? "/index.html" : request.url));
    const file = createReadStream(path);
    file.on("open", () => response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }));
    file.on("error", () => response.writeHead(404).end());
    file.pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => server.close(server.closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/`, asked, close };
}

/** Starts Chromium with a profile of its own. */
export async function chromium() {
  const profile = await mkdtemp(join(tmpdir(), "mcpo2-browser-"));
  const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => driver.on("close", resolve));
  const stop = async () => {
    driver.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const base = `http://127.0.0.1:${await portOf(driver)}/session`;
    const { sessionId, capabilities } = await command("POST", base, { capabilities: { alwaysMatch: wanted(profile) } });
    const session = new Session(`${base}/${sessionId}`);
    const close = async () => {
      await command("DELETE", `${base}/${sessionId}`);
      await stop();
    };
    return { session, version: capabilities.browserVersion, close };
  } catch (error) {
    await stop();
    throw error;
  }
}

function wanted(profile) {
  const flags = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", `--user-data-dir=${profile}`,
  ];
  // 30 s, where nothing is said, are few for a script on a busy machine. `fetch` gives up after 300 s.
  return { browserName: "chrome", timeouts: { script: 280_000 }, "goog:chromeOptions": { args: flags } };
}

async function portOf(driver) {
  for await (const line of createInterface({ input: driver.stdout })) {
    const started = /started successfully on port (\d+)/.exec(line);
    if (started) return started[1];
  }
  throw new Error("chromedriver has ended");
}

async function command(method, url, body) {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

class Session {
  #url;

  constructor(url) {
    this.#url = url;
  }

  open(url) {
    return command("POST", `${this.#url}/url`, { url });
  }

  /** Runs the text of a function's body in the page, and waits for what it promises. */
  run(script, ...args) {
    return command("POST", `${this.#url}/execute/sync`, { script, args });
  }

  async type(selector, text) {
    const element = await command("POST", `${this.#url}/element`, { using: "css selector", value: selector });
    await command("POST", `${this.#url}/element/${element[ELEMENT]}/value`, { text });
  }
}
