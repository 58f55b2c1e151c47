// What every JavaScript client here does with a server-everything, whatever SDK it is built on:
// list, call, read, and throw unless each answer is the expected one.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const TOOLS = ['echo', 'get-sum', 'get-structured-content'];

/** The command line: [--mode auto|legacy] [--protocol VERSION] (URL | -- COMMAND ARGS...) */
export function parseCommandLine() {
  const { values, positionals } = parseArgs({
    options: {
      mode: { type: 'string', default: 'auto' },
      protocol: { type: 'string' },
    },
    allowPositionals: true,
  });
  assert.ok(['auto', 'legacy'].includes(values.mode), `unknown mode ${values.mode}`);
  assert.ok(positionals.length > 0, 'a URL or a command is required');
  const [head, ...rest] = positionals;
  const url = /^https?:\/\//.test(head) ? new URL(head) : undefined;
  return { mode: values.mode, protocol: values.protocol, url, command: head, args: rest };
}

/** Calls what server-everything offers over a connected `client`; returns what it counted. */
export async function exercise(client) {
  const tools = (await client.listTools()).tools.map((tool) => tool.name);
  assert.deepEqual(TOOLS.filter((name) => !tools.includes(name)), [], 'missing tools');
  assert.equal(await textOf(client, 'echo', { message: 'grüße 東京' }), 'Echo: grüße 東京');
  assert.equal(await textOf(client, 'get-sum', { a: 2, b: 40 }), 'The sum of 2 and 40 is 42.');
  const weather = await client.callTool({
    name: 'get-structured-content',
    arguments: { location: 'Chicago' },
  });
  assert.deepEqual(Object.keys(weather.structuredContent).sort(), [
    'conditions',
    'humidity',
    'temperature',
  ]);

  const prompts = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
  assert.ok(prompts.includes('simple-prompt'), 'simple-prompt is listed');
  const prompt = await client.getPrompt({ name: 'simple-prompt' });
  assert.deepEqual(prompt.messages.map((message) => message.role), ['user']);

  const { resources } = await client.listResources();
  assert.ok(resources.length > 0, 'resources are listed');
  const { contents } = await client.readResource({ uri: resources[0].uri });
  assert.ok(contents[0].text.length > 0, 'a resource has text');
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.ok(resourceTemplates.length > 0, 'resource templates are listed');
  return `${tools.length} tools, ${prompts.length} prompts, ${resources.length} resources`;
}

/** Throws unless `got` is the version asked for with --protocol, if one was. */
export function checkProtocol(got, wanted) {
  assert.ok(got, 'a protocol version was negotiated');
  if (wanted !== undefined) assert.equal(got, wanted, 'negotiated protocol version');
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

async function textOf(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, `${name} answered with isError`);
  assert.deepEqual(result.content.map((block) => block.type), ['text']);
  return result.content[0].text;
}
