// Runs tools as tasks of 2025-11-25, with the TypeScript SDK v1.
// Usage: tasks_v1.mjs [--server NAME] [--prefix TEXT] URL
import assert from 'node:assert/strict';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

import { TASKS, parseCommandLine, withinAMinute } from './exercise.mjs';

const { server, prefix, url } = parseCommandLine();

await withinAMinute(async () => {
  const client = new Client(
    { name: 'mcpo2-ci-tasks-v1', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } } },
  );
  let asked = 0;
  client.setRequestHandler(ElicitRequestSchema, () => {
    asked += 1;
    return TASKS.answer;
  });
  await client.connect(new StreamableHTTPClientTransport(url));
  // It remembers which tools can be tasks.
  await client.listTools();
  for (const { name, args, questions, says } of TASKS[server]) {
    asked = 0;
    const params = { name: prefix + name, arguments: args };
    const stream = client.experimental.tasks.callToolStream(params, CallToolResultSchema, { task: {} });
    const seen = [];
    let result;
    for await (const message of stream) {
      if (message.type === 'error') throw message.error;
      seen.push(message.type);
      result = message.result;
    }
    assert.equal(seen[0], 'taskCreated', `${name} runs as a task`);
    assert.match(result.content[0].text, says);
    assert.equal(asked, questions, `what ${name} asks`);
  }
  await client.close();
  console.log(`tasks of 2025-11-25, ${server}: ok`);
});
