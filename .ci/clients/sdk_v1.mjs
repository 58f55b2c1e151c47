// Drives a server with the TypeScript SDK v1, which most clients in the field are on.
// Usage: sdk_v1.mjs [--protocol VERSION] [--server NAME] [--prefix TEXT] (URL | -- COMMAND ARGS...)
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { ANSWERS, CAPABILITIES, exercise, parseCommandLine, withinAMinute } from './exercise.mjs';

const asked = parseCommandLine();
const { url, command, args } = asked;

await withinAMinute(async () => {
  const client = new Client(
    { name: 'mcpo2-ci-sdk-v1', version: '1.0.0' },
    { capabilities: CAPABILITIES },
  );
  client.setRequestHandler(ElicitRequestSchema, ANSWERS['elicitation/create']);
  client.setRequestHandler(CreateMessageRequestSchema, ANSWERS['sampling/createMessage']);
  client.setRequestHandler(ListRootsRequestSchema, ANSWERS['roots/list']);
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
  const call = (params, options) => client.callTool(params, undefined, options);
  const done = await exercise(asked, negotiated, client, call);
  await client.close();
  console.log(`ts sdk v1: ${done}`);
});
