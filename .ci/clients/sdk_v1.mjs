// Drives a server-everything with the TypeScript SDK v1, which most clients in the field are on.
// Usage: sdk_v1.mjs [--protocol VERSION] (URL | -- COMMAND ARGS...)
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { checkProtocol, exercise, parseCommandLine, withinAMinute } from './exercise.mjs';

const { protocol, url, command, args } = parseCommandLine();

await withinAMinute(async () => {
  const client = new Client({ name: 'mcpo2-ci-sdk-v1', version: '1.0.0' });
  const transport = url
    ? new StreamableHTTPClientTransport(url)
    : new StdioClientTransport({ command, args });
  // The SDK tells the version to the transport alone: HTTP keeps it, stdio is told by this hook.
  let negotiated;
  const inherited = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => {
    negotiated = version;
    inherited?.(version);
  };
  await client.connect(transport);
  checkProtocol(negotiated, protocol);
  const counted = await exercise(client);
  await client.close();
  console.log(`ts sdk v1: protocol ${negotiated}, ${counted}: ok`);
});
