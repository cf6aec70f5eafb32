// The official MCP client: what it makes of our tools, as JSON.
import { writeFileSync } from "node:fs";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { BASE, KEY, MARKS } = process.env;
const transport = new StreamableHTTPClientTransport(new URL(`${BASE}/mcp`), {
  requestInit: { headers: { Authorization: `Bearer ${KEY}` } },
});
const client = new Client({ name: "tests", version: "1" });
await client.connect(transport);

const progress = [];
const call = (name, args, options) => client.callTool({ name, arguments: args }, undefined, options);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const thread = await call("create_chat_thread", { agent: "recite", title: "Hello", metadata: { lead: 7 } });
const id = thread.structuredContent.id;
const answered = await call(
  "send_chat_message",
  { thread_id: id, content: "say 10 and 20" },
  {
    onprogress: ({ message }) => {
      progress.push(message);
      // What was said so far is here: the agent may go on.
      if (progress.length === 2) writeFileSync(`${MARKS}/released-1`, "");
    },
  },
);
const refused = await call("send_chat_message", { thread_id: "nothing", content: "hello" });

console.log(
  JSON.stringify({
    server: client.getServerVersion().name,
    tools,
    thread: thread.structuredContent,
    answered: answered.structuredContent,
    progress,
    refused: { isError: refused.isError, text: refused.content[0].text },
  }),
);
await client.close();
