// OpenAI's own client, with only its base URL changed: what it makes of our answers, as JSON.
import { writeFileSync } from "node:fs";

import OpenAI from "openai";

const { BASE, KEY, MARKS } = process.env;
const client = new OpenAI({ baseURL: `${BASE}/api/v1`, apiKey: KEY });
const said = (content) => [{ role: "user", content }];

async function refused(asking) {
  try {
    await asking();
  } catch (error) {
    const { status, code, type, param, message } = error;
    return { is: error.constructor.name, status, code, type, param, message };
  }
  return { is: "no error" };
}

async function streamed() {
  const chunks = [];
  const stream = await client.chat.completions.create({
    model: "recite",
    messages: said("say 10 and 30"),
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    chunks.push(chunk);
    // What was said so far is here: the agent may go on.
    if (chunk.choices[0]?.delta.content) writeFileSync(`${MARKS}/released-1`, "");
  }
  return {
    text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""),
    ids: new Set(chunks.map((chunk) => chunk.id)).size,
    usage: chunks.at(-1).usage,
  };
}

async function listed() {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  return ids;
}

// Its agent answers once it is let go, below: until then each try runs into its time.
const hasty = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: KEY, timeout: 500, maxRetries: 2 });
const retried = await refused(() =>
  hasty.chat.completions.create({ model: "recite", messages: said("say 0 and 2"), metadata: { thread_id: "retried" } }),
);

const completion = await client.chat.completions.create({ model: "shows", messages: said("hello"), temperature: 0.2 });
const helper = client.chat.completions.stream({ model: "echo", messages: said("hello") });

const told = {
  retried,
  completion,
  streamed: await streamed(),
  helper: await helper.finalContent(),
  models: await listed(),
  missing: await refused(() => client.chat.completions.create({ model: "nobody", messages: said("hello") })),
  wrong: await refused(() => client.chat.completions.create({ model: "echo", messages: [] })),
  failed: await refused(() => client.chat.completions.create({ model: "fails", messages: said("fail always") })),
  broken: await refused(async () => {
    const stream = await client.chat.completions.create({ model: "breaks", messages: said("hello"), stream: true });
    for await (const chunk of stream) void chunk;
  }),
  stranger: await refused(() => new OpenAI({ baseURL: `${BASE}/v1`, apiKey: "ab_live_nothing" }).models.list()),
};
console.log(JSON.stringify(told));
