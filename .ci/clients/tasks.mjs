// Runs tools as tasks of the stateless revision, with the official client of that extension.
// Usage: tasks.mjs [--server NAME] [--prefix TEXT] URL
import assert from 'node:assert/strict';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import {
  createTaskSessionFromClient,
  resultFromTaskOutcome,
  toolDeclarationFromMcpTool,
} from '@modelcontextprotocol/ext-tasks/client';

import { TASKS, parseCommandLine, withinAMinute } from './exercise.mjs';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const VERSION = '2026-07-28';
const { server, prefix, url } = parseCommandLine();
const clientInfo = { name: 'mcpo2-ci-tasks', version: '1.0.0' };
const capabilities = { elicitation: { form: {} }, extensions: { [EXTENSION]: {} } };

/** What the SDK does not send of the stateless revision, sent as it is. */
let sent = 0;
async function rawDispatch(message, options = {}) {
  const body = { jsonrpc: '2.0', id: `raw-${(sent += 1)}`, ...message };
  const headers = new Headers({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': VERSION,
    'mcp-method': body.method,
    'mcp-name': body.params.name ?? body.params.taskId,
  });
  const others = Object.entries(options.context?.headers ?? {});
  others.forEach(([name, value]) => headers.set(name, value));
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: options.signal,
  });
  const text = await response.text();
  const events = text.split('\n').filter((line) => line.startsWith('data: {'));
  const answer = JSON.parse(events.at(-1)?.slice('data: '.length) ?? text);
  return answer.error
    ? { kind: 'error', error: answer.error }
    : { kind: 'result', result: answer.result };
}

await withinAMinute(async () => {
  const client = new Client(clientInfo, { versionNegotiation: { mode: 'auto' }, capabilities });
  await client.connect(new StreamableHTTPClientTransport(url));
  const protocolVersion = client.getNegotiatedProtocolVersion();
  assert.equal(protocolVersion, VERSION, 'negotiated protocol version');
  let asked = 0;
  const session = createTaskSessionFromClient(client, {
    endpointId: 'mcpo2-ci',
    rawDispatch,
    v2RequestFraming: { protocolVersion, clientInfo, clientCapabilities: capabilities },
    onInputRequest: async ({ kind }) => {
      assert.equal(kind, 'elicitation');
      asked += 1;
      return TASKS.answer;
    },
  });
  const { tools } = await client.listTools();
  for (const { name, args, questions, says } of TASKS[server]) {
    const tool = tools.find((tool) => tool.name === prefix + name);
    asked = 0;
    const execution = await session.callTool(prefix + name, args, {
      declaration: toolDeclarationFromMcpTool(tool),
      task: { preference: 'require' },
    });
    assert.equal(execution.kind, 'task', `${name} runs as a task`);
    const { outcome } = await execution.settle();
    assert.match(resultFromTaskOutcome(outcome).content[0].text, says);
    assert.equal(asked, questions, `what ${name} asks`);
  }
  await session.close();
  await client.close();
  console.log(`tasks of ${VERSION}, ${server}: ok`);
});
