// Asks a server with OpenAI's own client for Node and prints what came back, as JSON, for test_openai_node.py.
// MARQUEE_URL, MARQUEE_KEY and MARQUEE_MODEL say whom.
import OpenAI from "openai";

const model = process.env.MARQUEE_MODEL;
const client = new OpenAI({ baseURL: `${process.env.MARQUEE_URL}/v1`, apiKey: process.env.MARQUEE_KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Name a colour." }];
const same = { model, messages, max_completion_tokens: 8, temperature: 0 };

async function chat() {
  const whole = await client.chat.completions.create({ ...same, logprobs: true, top_logprobs: 2 });
  return { choice: whole.choices[0], usage: whole.usage };
}

async function stream() {
  const events = await client.chat.completions.create({ ...same, stream: true, stream_options: { include_usage: true } });
  const seen = { text: "", pieces: 0, usage: null };
  for await (const event of events) {
    const piece = event.choices[0]?.delta?.content ?? "";
    seen.text += piece;
    seen.pieces += piece === "" ? 0 : 1;
    seen.usage = event.usage ?? seen.usage;
  }
  return seen;
}

async function streamHelper() {
  return (await client.chat.completions.stream(same).finalChatCompletion()).choices[0];
}

async function leaveEarly() {
  const events = await client.chat.completions.create({ ...same, max_completion_tokens: 2000, ignore_eos: true, stream: true });
  for await (const event of events) if (event.choices[0]?.delta?.content) break;
  return events.controller.signal.aborted;
}

async function refused(request, as = client) {
  try {
    await as.chat.completions.create({ ...same, ...request });
  } catch (error) {
    return { type: error.constructor.name, status: error.status, param: error.param, message: error.message };
  }
}

const answers = {
  models: (await client.models.list()).data.map((each) => each.id),
  model: (await client.models.retrieve(model)).id,
  chat: await chat(),
  stream: await stream(),
  streamHelper: await streamHelper(),
  completion: (await client.completions.create({ model, prompt: "Once upon", max_tokens: 4, stop: [" nothing"] })).choices[0],
  leftEarly: await leaveEarly(),
  noModel: await refused({ model: "none" }),
  tooHot: await refused({ temperature: 9 }),
  noKey: await refused({}, client.withOptions({ apiKey: "mq_wrong" })),
};
console.log(JSON.stringify(answers));
