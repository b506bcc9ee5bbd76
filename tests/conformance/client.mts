// A TypeScript client of each official SDK: what an agent written in it sees of the server.
// node client.mts sdk|client stdio COMMAND ARGUMENT...     node client.mts sdk|client http URL
// A bearer token is read from AUTOGRAD_MCP_TOKEN. Anything unexpected throws, and so exits with 1.
import assert from "node:assert/strict";

const [library, transport, ...target] = process.argv.slice(2);

const SOURCE = (factor: number) => `
import torch

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return ${factor} * x * grad_output
`;

async function connected() {
  const information = { name: "conformance", version: "1" };
  if (library === "sdk") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const client = new Client(information);
    await client.connect(await transportOf("sdk"));
    return client;
  }
  const { Client } = await import("@modelcontextprotocol/client");
  const client = new Client(information, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(await transportOf("client"));
  assert.equal(client.getNegotiatedProtocolVersion(), "2026-07-28");
  return client;
}

async function transportOf(library: "sdk" | "client") {
  const modules = {
    sdk: {
      stdio: "@modelcontextprotocol/sdk/client/stdio.js",
      http: "@modelcontextprotocol/sdk/client/streamableHttp.js",
    },
    client: { stdio: "@modelcontextprotocol/client/stdio", http: "@modelcontextprotocol/client" },
  };
  if (transport === "stdio") {
    const { StdioClientTransport } = await import(modules[library].stdio);
    const [command, ...args] = target;
    return new StdioClientTransport({ command, args, env: { ...process.env }, stderr: "inherit" });
  }
  const { StreamableHTTPClientTransport } = await import(modules[library].http);
  const headers = { Authorization: `Bearer ${process.env.AUTOGRAD_MCP_TOKEN}` };
  return new StreamableHTTPClientTransport(new URL(target[0]), { requestInit: { headers } });
}

const client: any = await connected();

const { tools } = await client.listTools();
assert.deepEqual(
  tools.map((tool: any) => tool.name),
  ["check_function", "explain_rule", "search_skill", "read_skill"],
);

const check = (factor: number, more = {}) =>
  client.callTool({
    name: "check_function",
    arguments: { source: SOURCE(factor), entry: "Square", level: "quick", ...more },
  });
const right = await check(2);
assert.equal(right.structuredContent.verdict, "verified");
assert.match(right.content[0].text, /^VERIFIED Square: /);
const wrong = await check(3);
assert.equal(wrong.structuredContent.verdict, "failed");
assert.ok(wrong.structuredContent.findings.some((finding: any) => finding.code === "AG101"));
const refused = await check(2, { entry: "Squares" });
assert.equal(refused.isError, true);
assert.match(refused.content[0].text, /did you mean 'Square'/);

const { resources } = await client.listResources();
for (const { uri } of resources) {
  const { contents } = await client.readResource({ uri });
  assert.ok(contents[0].text.length > 100, uri);
}
const rule = await client.readResource({ uri: "rule://AG301" });
assert.match(rule.contents[0].text, /^# AG301 grad-output-mutated/);

const { prompts } = await client.listPrompts();
const values: Record<string, string> = { task: "a cube", source: SOURCE(2), report: "FAILED" };
for (const { name, arguments: given } of prompts) {
  const filled = Object.fromEntries(given.map((argument: any) => [argument.name, values[argument.name]]));
  const { messages } = await client.getPrompt({ name, arguments: filled });
  assert.match(messages[0].content.text, /check_function/);
}

if (library === "client") {
  const { SkillsClient } = await import("@modelcontextprotocol/client/ext/skills");
  const skills = new SkillsClient(client);
  const [skill] = (await skills.list()).skills;
  assert.ok(Array.isArray(skill.resources));
  for (const { uri } of skill.resources) {
    assert.equal((await skills.read(skill, uri)).verified, true, uri);
  }
}
await client.close();
console.log(library, transport, "ok");
