// Drives a server-everything with the TypeScript client v2.
// Usage: list_and_call.mjs [--mode auto|legacy] [--protocol VERSION] (URL | -- COMMAND ARGS...)
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { checkProtocol, exercise, parseCommandLine, withinAMinute } from './exercise.mjs';

const { mode, protocol, url, command, args } = parseCommandLine();

await withinAMinute(async () => {
  const client = new Client(
    { name: 'mcpo2-ci-ts', version: '1.0.0' },
    { versionNegotiation: { mode } },
  );
  await client.connect(
    url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport({ command, args }),
  );
  const negotiated = client.getNegotiatedProtocolVersion();
  checkProtocol(negotiated, protocol);
  const counted = await exercise(client);
  await client.close();
  console.log(`ts client (${mode}): protocol ${negotiated}, ${counted}: ok`);
});
