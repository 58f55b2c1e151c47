// Drives server-filesystem through the gateway with files too large for a conversation.
// Usage: artifacts.mjs URL KEY OTHER_KEY FILE
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { withinAMinute } from './exercise.mjs';

const [url, key, otherKey, file] = process.argv.slice(2);

/** A client with this API key. */
async function client(apiKey) {
  const connected = new Client({ name: 'mcpo2-ci-artifacts', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  const headers = { Authorization: `Bearer ${apiKey}` };
  await connected.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return connected;
}

/** All of an artifact, read range by range. */
async function whole(reader, link) {
  const parts = [];
  let uri = link.uri;
  while (uri) {
    const { contents } = await reader.readResource({ uri });
    parts.push(contents[0].text);
    uri = contents[0]._meta['dev.mcpo2/next'];
  }
  return { text: parts.join(''), reads: parts.length };
}

await withinAMinute(async () => {
  const expected = await readFile(file, 'utf8');
  const ada = await client(key);
  const result = await ada.callTool({ name: 'files__read_text_file', arguments: { path: file } });
  const answered = Buffer.byteLength(JSON.stringify(result));
  // four bytes a token, on the safe side for text
  assert.ok(answered <= 2000 * 4, `${answered} bytes are more than 2,000 tokens`);
  const link = result.content.find(({ type }) => type === 'resource_link');
  assert.ok(link.size > expected.length, 'the link says how long the whole is');

  const { text, reads } = await whole(ada, link);
  assert.equal(Buffer.byteLength(text), link.size);
  assert.equal(JSON.parse(text).content[0].text, expected);

  const found = await ada.callTool({
    name: 'kept__artifact_search',
    arguments: { uri: link.uri, query: 'line 123456 ' },
  });
  assert.match(found.content[0].text, /^123456:line 123456 /);

  const eve = await client(otherKey);
  await assert.rejects(eve.readResource({ uri: link.uri }), /not found/i);
  const told = await eve.callTool({ name: 'kept__artifact_read', arguments: { uri: link.uri } });
  assert.equal(told.isError, true);
  await Promise.all([ada.close(), eve.close()]);
  console.log(
    `ts client: ${expected.length} bytes of a file became ${answered}, were read back in ${reads} parts, and by nobody else`,
  );
});
