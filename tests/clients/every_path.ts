/** A program over the types that openapi-typescript makes: it uses every path, and prints statuses. */
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
interface Given {
  url: string;
  key: string;
  facts: Record<string, string> & { events: Record<string, never>[] };
}

const chunks: Uint8Array[] = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { url, key, facts }: Given = JSON.parse(Buffer.concat(chunks).toString());
const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const text = { parseAs: "text" } as const;
const stream = { parseAs: "stream" } as const;

/** Documents that a program works with have their fields. */
function scopes(owner: Schemas["KeyOwner"]): string[] {
  return owner.scopes;
}

const answers = {
  "/v1/touchpoints": await api.POST("/v1/touchpoints", { body: { batch: facts.events } }),
  "/livez": await api.GET("/livez", text),
  "/readyz": await api.GET("/readyz", text),
  "/metrics": await api.GET("/metrics", text),
  "/v1/whoami": await api.GET("/v1/whoami"),
  "/v1/access-log": await api.GET("/v1/access-log", { params: { query: { limit: 3 } } }),
  "/v1/incidents/stream": await api.GET("/v1/incidents/stream", stream),
  "/v1/profiles/stream": await api.GET("/v1/profiles/stream", stream),
  "/problems/{code}": await api.GET("/problems/{code}", {
    params: { path: { code: "not-found" } },
    ...text,
  }),
};
for (const path of ["/v1/incidents/stream", "/v1/profiles/stream"] as const)
  await answers[path].data?.cancel();
const owner = answers["/v1/whoami"].data;
if (!owner || !scopes(owner).length) throw new Error("the key has no scope");
const refused = await api.GET("/v1/access-log", { params: { query: { cursor: "no cursor" } } });
if (refused.error?.code !== "invalid-request") throw new Error("a problem has its code");
const statuses = Object.entries(answers).map(([path, one]) => [path, one.response.status]);
console.log(JSON.stringify(Object.fromEntries(statuses)));
