// The page in a browser: node --test browser.mjs, with PAGE as build.sh lays it out, and EVIDENCE as
// examples/evidence.rs writes it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";

import { chromium, serve } from "./webdriver.mjs";

const file = (name) => join(process.env.EVIDENCE, name);
const text = (name) => readFileSync(file(name), "utf-8");
const bytes = (name) => [...readFileSync(file(name))];

let pages, browser, page;
before(async () => {
  pages = await serve(process.env.PAGE);
  browser = await chromium();
  page = browser.session;
  console.log(`Chromium ${browser.version}`);
});
after(async () => {
  await browser?.close();
  pages?.close();
});
beforeEach(() => page.open(pages.url));

/** Chooses files as a person does, the proof last: there is no verdict before it. */
async function choose(files) {
  for (const [id, name] of Object.entries(files)) await page.type(`#${id}`, id === "trust" ? text(name) : file(name));
}

/** What the page says once it says something other than that it waits. */
async function verdict() {
  const [state, said] = await page.run(`
    const verdict = document.getElementById("verdict");
    while (verdict.dataset.state === "waiting") await new Promise(requestAnimationFrame);
    return [verdict.dataset.state, verdict.innerText];
  `);
  console.log(`${state}: ${said.replaceAll(/\s+/g, " ")}`);
  return { state, said };
}

/** Drops files of these names and bytes on the page; what the page says at once, before it has read them. */
function drop(files) {
  const script = `
    const dropped = new DataTransfer();
    for (const [name, bytes] of arguments[0]) dropped.items.add(new File([Uint8Array.from(bytes)], name));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
    return document.getElementById("verdict").dataset.state;
  `;
  return page.run(script, Object.entries(files));
}

const honest = () => ({
  "9.tlog-proof": bytes("before.tlog-proof"),
  "9.body": bytes("before.body"),
  "9.fields.json": bytes("before.fields.json"),
  "log.vkey": bytes("log.vkey"),
});

function flipped(bytes, at) {
  return bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));
}

test("what was chosen and holds is said to", async () => {
  await choose({ trust: "log.vkey", fields: "before.fields.json", body: "before.body", proof: "before.tlog-proof" });
  const { state, said } = await verdict();
  assert.equal(state, "holds");
  assert.match(said, /^Record 9 of 14 holds\s+It stands in the log example\.com\/log\./);
  assert.match(said, /\/a, disclosed\s+"alice"/);
  assert.match(said, /\{"action":"read"\}/);
});

test("what was dropped and holds is said to", async () => {
  await drop(honest());
  assert.equal((await verdict()).state, "holds");
});

test("body of which a byte was flipped is said to be edited", async () => {
  await drop({ ...honest(), "9.body": flipped(bytes("before.body"), 8) });
  const { state, said } = await verdict();
  assert.equal(state, "refused");
  assert.match(said, /^Does not hold: edited\s+the body is not the one that was recorded/);
});

test("proof of which a byte was flipped is said to be forged", async () => {
  const at = text("before.tlog-proof").indexOf("\n— ") - 20; // in the root, above the signature
  await drop({ ...honest(), "9.tlog-proof": flipped(bytes("before.tlog-proof"), at) });
  const { state, said } = await verdict();
  assert.equal(state, "refused");
  assert.match(said, /^Does not hold: forged/);
});

test("key of which a byte was flipped is none", async () => {
  await drop({ ...honest(), "log.vkey": flipped(bytes("log.vkey"), bytes("log.vkey").length - 9) });
  const { state, said } = await verdict();
  assert.equal(state, "refused");
  assert.match(said, /^This cannot be verified\s+the key is none/);
});

test("another key of the same name did not sign", async () => {
  await drop({ ...honest(), "log.vkey": bytes("stranger.vkey") });
  assert.match((await verdict()).said, /^Does not hold: forged/);
});

test("value that was not recorded is said to be edited", async () => {
  await drop({ ...honest(), "9.fields.json": bytes("other.fields.json") });
  assert.match((await verdict()).said, /^Does not hold: edited\s+a field is not what was recorded there/);
});

test("verdict does not outlive what it was about", async () => {
  await drop(honest());
  assert.equal((await verdict()).state, "holds");
  assert.equal(await drop({ "9.body": flipped(bytes("before.body"), 8) }), "waiting");
  assert.match((await verdict()).said, /^Does not hold: edited/);
  await drop({ "9.body": bytes("before.body") });
  assert.equal((await verdict()).state, "holds");
});

test("file that is too large is not looked at", async () => {
  await drop({ ...honest(), "9.body": Array(9 << 20).fill(0) });
  assert.match((await verdict()).said, /^This cannot be verified\s+9\.body is too large/);
});

test("fields that are no such list are refused", async () => {
  for (const wrong of ["{}", "[1]", '[{"path":"/a"}]', "no JSON"]) {
    await page.open(pages.url);
    await drop({ ...honest(), "9.fields.json": [...Buffer.from(wrong)] });
    assert.match((await verdict()).said, /^This cannot be verified/);
  }
});

test("keys that changed need the note that says so", async () => {
  await choose({ trust: "log.vkey", body: "after.body", proof: "after.tlog-proof" });
  assert.match((await verdict()).said, /^Does not hold: forged/);
  await page.open(pages.url);
  const note = "epoch-0000000001.note";
  await choose({ trust: "log.vkey", rotations: note, body: "after.body", proof: "after.tlog-proof" });
  assert.equal((await verdict()).state, "holds");
});

test("no flipped bit of a proof or a body holds", async () => {
  const script = `
    const [proof, body, trust] = arguments;
    const { load } = await import("./verify.js");
    const verify = await load();
    const holds = [], codes = {};
    const ask = async (proof, body) => {
      const answer = await verify({ proof: Uint8Array.from(proof), body: Uint8Array.from(body), trust });
      const code = answer.holds ? 0 : answer.code;
      codes[code] = (codes[code] ?? 0) + 1;
      return answer.holds;
    };
    const flips = async (name, bytes, asked) => {
      for (let at = 0; at < 8 * bytes.length; at++) {
        const flipped = bytes.with(at >> 3, bytes[at >> 3] ^ (1 << (at & 7)));
        if (await asked(flipped)) holds.push(name + ", bit " + at);
      }
    };
    await flips("proof", proof, (flipped) => ask(flipped, body));
    await flips("body", body, (flipped) => ask(proof, flipped));
    return { holds, codes, honest: await ask(proof, body) };
  `;
  const outcome = await page.run(script, bytes("before.tlog-proof"), bytes("before.body"), text("log.vkey"));
  console.log(`by code: ${JSON.stringify(outcome.codes)}`);
  assert.deepEqual(outcome.holds, []);
  assert.equal(outcome.honest, true);
});

test("what was dropped goes nowhere", async () => {
  await drop(honest());
  assert.equal((await verdict()).state, "holds");
  const own = ["/", "/style.css", "/page.js", "/verify.js", "/mcpo2_verify_web.wasm"].map((path) => `GET ${path}`);
  assert.deepEqual(pages.asked.filter((asked) => !own.includes(asked)), []);
  const sent = await page.run(`
    const send = (url) => fetch(url, { method: "POST", mode: "no-cors", body: "x" });
    return send("http://127.0.0.2:9/").then(() => "sent", (error) => error.name)
      .then((name) => new Promise((said) => {
        document.addEventListener("securitypolicyviolation", (event) => said(event.effectiveDirective));
        send("http://127.0.0.2:9/").catch(() => setTimeout(() => said(name), 1000));
      }));
  `);
  assert.equal(sent, "connect-src");
});
