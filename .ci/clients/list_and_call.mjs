// Drives a server with the TypeScript client v2.
// Usage: list_and_call.mjs [--mode auto|legacy] [--protocol VERSION] [--server NAME] [--prefix TEXT]
//        (URL | -- COMMAND ARGS...)
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { ANSWERS, CAPABILITIES, exercise, parseCommandLine, withinAMinute } from './exercise.mjs';

const asked = parseCommandLine();
const { mode, url, command, args } = asked;

await withinAMinute(async () => {
  const client = new Client(
    { name: 'mcpo2-ci-ts', version: '1.0.0' },
    { versionNegotiation: { mode }, capabilities: CAPABILITIES },
  );
  for (const [method, answer] of Object.entries(ANSWERS)) client.setRequestHandler(method, answer);
  await client.connect(
    url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport({ command, args }),
  );
  const negotiated = client.getNegotiatedProtocolVersion();
  const done = await exercise(asked, negotiated, client, (params, options) => client.callTool(params, options));
  await client.close();
  console.log(`ts client (${mode}): ${done}`);
});
