// Asks mcpo2-verify, compiled to WebAssembly, whether a proof holds.

const PARTS = { proof: 0, body: 1, trust: 2, rotation: 3, path: 4, salt: 5, value: 6 };

/**
 * Loads the verifier.
 *
 * @param {URL | string} [source] where the WebAssembly is; by default beside this file
 * @returns {Promise<(question: Question) => Promise<object>>} what answers questions: see the README
 *
 * @typedef {object} Question
 * @property {Uint8Array | string} proof the .tlog-proof
 * @property {Uint8Array | string} body the body of the record
 * @property {Uint8Array | string} trust the vkey of the log, or a policy with witnesses
 * @property {(Uint8Array | string)[]} [rotations] the rotation notes, in the order of their epochs
 * @property {{ path: string, salt: string, value: string }[]} [fields] what is disclosed
 */
export async function load(source = new URL("mcpo2_verify_web.wasm", import.meta.url)) {
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${source}: ${response.status}`);
  const module = await WebAssembly.compile(await response.arrayBuffer());
  // a memory of its own for each question, so that none sees what another left
  return async (question) => ask(await WebAssembly.instantiate(module), question);
}

function ask({ exports }, { proof, body, trust, rotations = [], fields = [] }) {
  const part = (name, content) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    if (exports.mcpo2_part(PARTS[name]) !== 1) throw new Error(`the verifier knows no ${name}`);
    for (const byte of bytes) exports.mcpo2_byte(byte);
  };
  part("proof", proof);
  part("body", body);
  part("trust", trust);
  for (const note of rotations) part("rotation", note);
  for (const { path, salt, value } of fields) {
    part("path", path);
    part("salt", salt);
    part("value", value);
  }
  const length = exports.mcpo2_verify();
  const answer = Uint8Array.from({ length }, (_, at) => exports.mcpo2_answer(at));
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(answer));
}
