// A Twilio that others wrote: it sends what people write to our webhook, and takes our replies.
import { createEmulator } from "emulate";

const { PORT, WEBHOOK, ACCOUNT, TOKEN } = process.env;
const [OURS, THEIRS] = ["+15005550006", "+14155550100"];

// What our webhook answers.
const answers = [];
const fetched = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const response = await fetched(url, options);
  if (String(url).startsWith(WEBHOOK)) {
    answers.push({ status: response.status, about: String(url).includes("reply=") ? "status" : "message" });
  }
  return response;
};

const twilio = await createEmulator({
  service: "twilio",
  port: Number(PORT),
  seed: {
    twilio: {
      account: { sid: ACCOUNT, auth_token: TOKEN },
      phone_numbers: [{ phone_number: OURS, sms_url: WEBHOOK }],
    },
  },
});
const base = `http://127.0.0.1:${PORT}`;
const headers = { authorization: `Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString("base64")}` };

async function call(path, form) {
  const options = form ? { method: "POST", headers, body: new URLSearchParams(form) } : { headers };
  const response = await fetched(`${base}${path}`, options);
  const found = await response.json();
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(found)}`);
  return found;
}

async function sent() {
  const { messages } = await call(`/2010-04-01/Accounts/${ACCOUNT}/Messages.json`);
  return messages.filter((message) => message.direction === "outbound-api").sort((a, b) => (a.body < b.body ? -1 : 1));
}

async function said(text, count) {
  await call("/_twilio/simulate/inbound-message", { From: THEIRS, To: OURS, Body: text });
  const deadline = Date.now() + 30_000;
  while ((await sent()).length < count && Date.now() < deadline) await new Promise((done) => setTimeout(done, 50));
}

await said("hello", 1);
await said("again", 2);
for (const { sid } of await sent()) await call("/_twilio/simulate/message-status", { MessageSid: sid, Status: "delivered" });
console.log(JSON.stringify({ sent: await sent(), answers }));
await twilio.close();
process.exit(0);
