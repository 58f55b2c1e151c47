// What is done with each of the servers. Names of tools and prompts begin with `prefix`, where the server is one of
// several behind a gateway.
import assert from 'node:assert/strict';

/** The reference server that has some of everything. */
async function everything(use) {
  await lists(use, {
    tools: ['echo', 'get-sum', 'get-structured-content', 'trigger-elicitation-request'],
    prompts: ['simple-prompt', 'args-prompt', 'completable-prompt'],
    resources: ['demo://resource/static/document/features.md'],
    templates: ['demo://resource/dynamic/text/{resourceId}'],
  });
  assert.equal(await textOf(use, 'echo', { message: 'grüße 東京' }), 'Echo: grüße 東京');
  assert.equal(await textOf(use, 'get-sum', { a: 2, b: 40 }), 'The sum of 2 and 40 is 42.');
  const weather = await call(use, 'get-structured-content', { location: 'Chicago' });
  const keys = Object.keys(weather.structuredContent).sort();
  assert.deepEqual(keys, ['conditions', 'humidity', 'temperature']);

  const prompt = await prompted(use, 'args-prompt', { city: 'Chicago' });
  assert.match(prompt, /Chicago/);
  assert.ok((await read(use, 'demo://resource/static/document/features.md')).length > 0);
  assert.match(await read(use, 'demo://resource/dynamic/text/7'), /Resource 7/);
  assert.deepEqual(await completed(use, 'completable-prompt', 'department', 'Eng'), ['Engineering']);

  const long = 'trigger-long-running-operation';
  await progresses(use, long, { duration: 0.4, steps: 4 }, [1, 2, 3, 4]);
  await cancelled(use, long, { duration: 40, steps: 400 });

  assert.match(await textOf(use, 'trigger-elicitation-request', {}), /Name: Ada/);
  assert.match(await textOf(use, 'trigger-sampling-request', { prompt: 'x' }), /sampled by Ada/);
  assert.match(await textOf(use, 'get-roots-list', {}), /file:\/\/\/srv\/ada/);
  return 'tools, prompts, resources, completion, progress, cancellation, elicitation, sampling, roots';
}

/** The server for files, which has tools only. It serves a directory that is empty. */
async function filesystem(use) {
  const { tools } = await use.client.listTools();
  const read = tools.find(({ name }) => name === `${use.prefix}read_text_file`);
  assert.deepEqual(read?.inputSchema.required, ['path'], 'read_text_file is listed with its schema');
  const allowed = await textOf(use, 'list_allowed_directories', {});
  const path = `${allowed.trim().split('\n').at(-1)}/grüße ${process.pid}.txt`;
  assert.match(await textOf(use, 'write_file', { path, content: 'one\ntwo\n' }), /Successfully/);
  assert.equal(await textOf(use, 'read_text_file', { path, head: 1 }), 'one');
  const outside = await call(use, 'read_text_file', { path: '/etc/hostname' });
  assert.equal(outside.isError, true, 'a file outside is refused');
  return 'tools';
}

/** The conformance fixture, which speaks both eras. */
async function fixture(use) {
  await lists(use, {
    tools: ['test_simple_text', 'test_elicitation'],
    prompts: ['test_simple_prompt', 'test_prompt_with_arguments'],
    resources: ['test://static-text'],
    templates: ['test://template/{id}/data'],
  });
  assert.match(await textOf(use, 'test_simple_text', {}), /simple text response/);
  assert.equal((await call(use, 'test_error_handling', {})).isError, true);
  assert.match(await prompted(use, 'test_prompt_with_arguments', { arg1: 'x', arg2: 'y' }), /x.*y/);
  assert.ok((await read(use, 'test://static-text')).length > 0);
  assert.match(await read(use, 'test://template/42/data'), /42/);
  assert.ok(Array.isArray(await completed(use, 'test_prompt_with_arguments', 'arg1', 'p')));
  await progresses(use, 'test_tool_with_progress', {}, [0, 50, 100]);
  const [asks, answer] = use.negotiated === '2026-07-28'
    ? ['test_input_required_result_elicitation', /Ada/]
    : ['test_elicitation', /action=accept.*ada@example.org/];
  assert.match(await textOf(use, asks, { message: 'Who?' }), answer);
  return 'tools, prompts, resources, completion, progress, elicitation';
}

export const SERVERS = { everything, filesystem, fixture };

/** Each of these is listed; other modules may list more. */
async function lists({ client, prefix }, wanted) {
  const named = (wanted) => wanted.map((name) => prefix + name);
  const missing = (wanted, got) => wanted.filter((name) => !got.includes(name));
  const { tools } = await client.listTools();
  assert.deepEqual(missing(named(wanted.tools), tools.map(({ name }) => name)), [], 'missing tools');
  const { prompts } = await client.listPrompts();
  assert.deepEqual(missing(named(wanted.prompts), prompts.map(({ name }) => name)), [], 'missing prompts');
  const { resources } = await client.listResources();
  assert.deepEqual(missing(wanted.resources, resources.map(({ uri }) => uri)), [], 'missing resources');
  const { resourceTemplates } = await client.listResourceTemplates();
  const templates = resourceTemplates.map(({ uriTemplate }) => uriTemplate);
  assert.deepEqual(missing(wanted.templates, templates), [], 'missing templates');
}

function call({ call, prefix }, name, args, options) {
  return call({ name: prefix + name, arguments: args }, options);
}

async function textOf(use, name, args) {
  const result = await call(use, name, args);
  assert.ok(!result.isError, `${name} answered with isError: ${JSON.stringify(result)}`);
  const texts = result.content.filter(({ type }) => type === 'text');
  return texts.map(({ text }) => text).join('\n');
}

async function prompted({ client, prefix }, name, args) {
  const { messages } = await client.getPrompt({ name: prefix + name, arguments: args });
  return messages.map(({ content }) => content.text).join('\n');
}

async function read({ client }, uri) {
  const { contents } = await client.readResource({ uri });
  return contents[0].text;
}

async function completed({ client, prefix }, prompt, name, value) {
  const ref = { type: 'ref/prompt', name: prefix + prompt };
  return (await client.complete({ ref, argument: { name, value } })).completion.values;
}

/**
 * Progress comes as `wanted`; the client may drop the last one when the result is right behind it. What it reports of
 * itself, when it answers a question of the server, has no total.
 */
async function progresses(use, name, args, wanted) {
  const seen = [];
  const onprogress = ({ progress, total }) => total !== undefined && seen.push(progress);
  const result = await call(use, name, args, { onprogress });
  assert.ok(!result.isError, `${name} answered with isError`);
  assert.ok(seen.length >= wanted.length - 1, `${name} made progress only ${seen}`);
  assert.deepEqual(seen, wanted.slice(0, seen.length));
}

/** A call that is cancelled in its midst ends at once, and the next is answered. */
async function cancelled(use, name, args) {
  const abort = new AbortController();
  const options = { signal: abort.signal, onprogress: () => abort.abort('enough') };
  await assert.rejects(call(use, name, args, options), 'a cancelled call is rejected');
  assert.equal(await textOf(use, 'echo', { message: 'on' }), 'Echo: on');
}
