// What the JavaScript clients here have in common, whatever SDK they are built on: a command line, answers to what
// servers ask, and an end.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

import { SERVERS } from './servers.mjs';

/** What a client says it can do, so that servers ask it. */
export const CAPABILITIES = { elicitation: { form: {} }, sampling: {}, roots: {} };

/** How a client answers what servers ask, by method. */
export const ANSWERS = {
  'elicitation/create': () => ({
    action: 'accept',
    content: { name: 'Ada', username: 'ada', email: 'ada@example.org' },
  }),
  'sampling/createMessage': () => ({
    model: 'none',
    role: 'assistant',
    stopReason: 'endTurn',
    content: { type: 'text', text: 'sampled by Ada' },
  }),
  'roots/list': () => ({ roots: [{ uri: 'file:///srv/ada', name: 'of Ada' }] }),
};

/** What is called as a task, what it asks, and what it says in the end. */
export const TASKS = {
  everything: [
    {
      name: 'simulate-research-query',
      args: { topic: 'rust' },
      questions: 0,
      says: /Research Report: rust\n/,
    },
    {
      name: 'simulate-research-query',
      args: { topic: 'rust', ambiguous: true },
      questions: 1,
      says: /rust \(historical\)/,
    },
  ],
  fixture: [
    {
      name: 'slow_compute',
      args: { seconds: 0.2, label: 'sum' },
      questions: 0,
      says: /sum took 200 ms/,
    },
    {
      name: 'confirm_delete',
      args: { filename: 'a.txt' },
      questions: 1,
      says: /Deletion of a.txt confirmed: true/,
    },
    { name: 'multi_input', args: {}, questions: 2, says: /The inputs were "v" and "v"/ },
  ],
  answer: {
    action: 'accept',
    content: { interpretation: 'historical', confirm: true, value: 'v' },
  },
};

/**
 * The command line:
 * [--mode auto|legacy] [--protocol VERSION] [--server NAME] [--prefix TEXT] (URL | -- COMMAND ARGS...)
 */
export function parseCommandLine() {
  const { values, positionals } = parseArgs({
    options: {
      mode: { type: 'string', default: 'auto' },
      protocol: { type: 'string' },
      server: { type: 'string', default: 'everything' },
      prefix: { type: 'string', default: '' },
    },
    allowPositionals: true,
  });
  assert.ok(['auto', 'legacy'].includes(values.mode), `unknown mode ${values.mode}`);
  assert.ok(values.server in SERVERS, `unknown server ${values.server}`);
  assert.ok(positionals.length > 0, 'a URL or a command is required');
  const [head, ...rest] = positionals;
  const url = /^https?:\/\//.test(head) ? new URL(head) : undefined;
  return { ...values, url, command: head, args: rest };
}

/**
 * Does with a server all that it is for, and throws unless each answer is the expected one, and the version
 * `negotiated` the one asked for, if one was. `call(params, options)` calls a tool. Returns what was done.
 */
export async function exercise({ server, prefix, protocol }, negotiated, client, call) {
  assert.ok(negotiated, 'a protocol version was negotiated');
  if (protocol !== undefined) assert.equal(negotiated, protocol, 'negotiated protocol version');
  const done = await SERVERS[server]({ client, call, prefix, negotiated });
  return `protocol ${negotiated}, ${server}: ${done}: ok`;
}

/** Ends the process with an error when `work` takes longer than a minute. */
export async function withinAMinute(work) {
  const timer = setTimeout(() => {
    console.error('not done within a minute');
    process.exit(1);
  }, 60_000);
  await work();
  clearTimeout(timer);
}
