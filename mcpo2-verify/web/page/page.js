// The page: takes files, asks the verifier, and says what is proved.

import { load } from "./verify.js";

const verify = load();
const at = (id) => document.getElementById(id);
const MOST = 8 << 20; // more than any of the files can have
let newest = 0;

for (const id of ["proof", "body", "fields", "rotations"]) at(id).addEventListener("change", look);
at("trust").addEventListener("input", look);
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", () => document.body.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  begin();
  take([...event.dataTransfer.files]).then(look, failed);
});

/** Puts each file where it belongs, by the end of its name; what has no such end is the key. */
async function take(files) {
  const ends = { proof: ".tlog-proof", body: ".body", fields: "fields.json", rotations: ".note" };
  for (const [id, end] of Object.entries(ends)) {
    const fitting = files.filter((file) => file.name.endsWith(end));
    if (fitting.length === 0) continue;
    const chosen = new DataTransfer();
    for (const file of at(id).multiple ? fitting : fitting.slice(-1)) chosen.items.add(file);
    at(id).files = chosen.files;
  }
  const others = files.filter((file) => !Object.values(ends).some((end) => file.name.endsWith(end)));
  if (others.length > 0) at("trust").value = await others.at(-1).text();
}

/** Takes away what was said: it was about other files. The number of what is asked now. */
function begin() {
  say("waiting", ["Verifying…"]);
  return ++newest;
}

/** Verifies what is there, and shows the outcome unless something newer was asked meanwhile. */
async function look() {
  const asked = begin();
  try {
    const question = await read();
    const answer = question && (await (await verify)(question));
    if (asked === newest) show(answer);
  } catch (error) {
    if (asked === newest) failed(error);
  }
}

async function read() {
  const [proof, body, fields] = ["proof", "body", "fields"].map((id) => at(id).files[0]);
  const trust = at("trust").value.trim();
  if (!proof || !body || !trust) return null;
  const notes = [...at("rotations").files].sort((one, other) => (one.name < other.name ? -1 : 1));
  const large = [proof, body, fields, ...notes].find((file) => file?.size > MOST);
  if (large) throw new Error(`${large.name} is too large`);
  return {
    proof: await bytes(proof),
    body: await bytes(body),
    trust: `${trust}\n`,
    rotations: await Promise.all(notes.map(bytes)),
    fields: fields ? disclosed(await fields.text()) : [],
  };
}

async function bytes(file) {
  return new Uint8Array(await file.arrayBuffer());
}

function disclosed(text) {
  const fields = JSON.parse(text);
  const members = ["path", "salt", "value"];
  const isField = (field) => members.every((name) => typeof field?.[name] === "string");
  if (Array.isArray(fields) && fields.every(isField)) return fields;
  throw new Error("the disclosed fields are no list of path, salt and value");
}

function show(answer) {
  if (!answer) return say("waiting", ["A proof, a record and a key are needed."]);
  if (!answer.holds) return say("refused", refusal(answer));
  const { seq, size, origin, kind, wall_ns, fields, cosigners } = answer;
  const time = new Date(Number(BigInt(wall_ns) / 1_000_000n));
  const list = element("dl");
  const row = (name, value) => list.append(element("dt", name), element("dd", value));
  row("Kind", kind);
  row("Time, by the clock of the log", Number.isNaN(time.valueOf()) ? `${wall_ns} ns` : time.toISOString());
  for (const { path, value } of fields) row(`${path}, disclosed`, value);
  row("Witnesses", cosigners.length > 0 ? cosigners.join(", ") : "none were asked for");
  const heading = element("h2", `Record ${seq} of ${size} holds`);
  say("holds", [heading, element("p", `It stands in the log ${origin}.`), list, element("pre", answer.public)]);
}

function refusal({ attack, code, why, because, explanation }) {
  const causes = element("ul");
  causes.append(...because.map((cause) => element("li", cause)));
  const heading = element("h2", attack === null ? "This cannot be verified" : `Does not hold: ${attack}`);
  return [heading, element("p", why), causes, element("p", `Code ${code}: ${explanation}`)];
}

function failed(error) {
  say("refused", [element("h2", "This cannot be verified"), element("p", error.message)]);
}

function say(state, content) {
  at("verdict").replaceChildren(...content);
  at("verdict").dataset.state = state;
}

// as text, never as markup: what is shown comes from whoever made the proof
function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
