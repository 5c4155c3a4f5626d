/** A program over the types that openapi-typescript makes: it uses every path, and prints statuses. */
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
interface Facts {
  profile_id: string;
  incident_id: string;
  reject_id: string;
  suggestion_id: string;
  email: string;
  events: Record<string, never>[];
}
interface Given {
  url: string;
  key: string;
  facts: Facts;
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

const profile = { params: { path: { profile_id: facts.profile_id } } } as const;
const incident = { params: { path: { incident_id: facts.incident_id } } } as const;
const suggestion = { params: { path: { suggestion_id: facts.suggestion_id } } } as const;
const account = { params: { path: { account_id: "K-1" } } } as const;
const household = { params: { path: { household_id: "H-1" } } } as const;
const email = { type: "email", value: facts.email };
const answers = {
  "/v1/touchpoints": await api.POST("/v1/touchpoints", { body: { batch: facts.events } }),
  "/livez": await api.GET("/livez", text),
  "/readyz": await api.GET("/readyz", text),
  "/metrics": await api.GET("/metrics", text),
  "/v1/whoami": await api.GET("/v1/whoami"),
  "/v1/access-log": await api.GET("/v1/access-log", { params: { query: { limit: 3 } } }),
  "/v1/incidents/stream": await api.GET("/v1/incidents/stream", stream),
  "/v1/profiles/stream": await api.GET("/v1/profiles/stream", stream),
  "/v1/segments/stream": await api.GET("/v1/segments/stream", stream),
  "/v1/freshness": await api.GET("/v1/freshness"),
  "/v1/profiles/{profile_id}": await api.GET("/v1/profiles/{profile_id}", profile),
  "/v1/profiles/lookup": await api.POST("/v1/profiles/lookup", { body: { identifiers: [email] } }),
  "/v1/profiles/batch": await api.POST("/v1/profiles/batch", { body: { ids: [facts.profile_id] } }),
  "/v1/profiles/search": await api.POST("/v1/profiles/search", { body: { text: "berg" } }),
  "/v1/profiles/{profile_id}/timeline": await api.GET("/v1/profiles/{profile_id}/timeline", {
    params: { ...profile.params, query: { type: ["order.placed"], limit: 2 } },
  }),
  "/v1/profiles/{profile_id}/orders": await api.GET("/v1/profiles/{profile_id}/orders", profile),
  "/v1/orders/conflicts": await api.GET("/v1/orders/conflicts"),
  "/v1/accounts/{account_id}": await api.GET("/v1/accounts/{account_id}", account),
  "/v1/accounts/{account_id}/contacts": await api.GET("/v1/accounts/{account_id}/contacts", {
    params: { ...account.params, query: { status: "all", limit: 1 } },
  }),
  "/v1/households/{household_id}": await api.GET("/v1/households/{household_id}", household),
  "/v1/profiles/{profile_id}/consents": await api.GET("/v1/profiles/{profile_id}/consents", profile),
  "/v1/contact-permission": await api.POST("/v1/contact-permission", {
    body: { channel: "email", purpose: "marketing", addresses: [email] },
  }),
  "/v1/profiles/{profile_id}/identity": await api.GET("/v1/profiles/{profile_id}/identity", profile),
  "/v1/identity/why": await api.POST("/v1/identity/why", {
    body: { a: facts.email, b: facts.email },
  }),
  "/v1/identity/decisions": await api.POST("/v1/identity/decisions", {
    body: {
      a: facts.email,
      b: "email=outside@example.com",
      verdict: "same",
      reason: "seen",
      dry_run: true,
      unseen: true,
    },
  }),
  "/v1/identity/suggestions": await api.GET("/v1/identity/suggestions"),
  "/v1/identity/suggestions/{suggestion_id}": await api.GET(
    "/v1/identity/suggestions/{suggestion_id}",
    suggestion,
  ),
  "/v1/identity/suggestions/{suggestion_id}/answers": await api.POST(
    "/v1/identity/suggestions/{suggestion_id}/answers",
    { ...suggestion, body: { accept: true, reason: "seen", dry_run: true } },
  ),
  "/v1/identity/suspicious": await api.GET("/v1/identity/suspicious"),
  "/v1/incidents": await api.GET("/v1/incidents", { params: { query: { limit: 2 } } }),
  "/v1/incidents/counts": await api.GET("/v1/incidents/counts", {
    params: { query: { by: ["channel", "since"] } },
  }),
  "/v1/incidents/{incident_id}": await api.GET("/v1/incidents/{incident_id}", incident),
  "/v1/incidents/{incident_id}/affected": await api.GET(
    "/v1/incidents/{incident_id}/affected",
    incident,
  ),
  "/v1/incidents/{incident_id}/actions": await api.POST("/v1/incidents/{incident_id}/actions", {
    params: { ...incident.params, header: { "Idempotency-Key": "outside-2" } },
    body: { action: "ack", reason: "seen" },
  }),
  "/v1/rejected": await api.GET("/v1/rejected", { params: { query: { limit: 2 } } }),
  "/v1/rejected/counts": await api.GET("/v1/rejected/counts"),
  "/v1/rejected/{reject_id}": await api.GET("/v1/rejected/{reject_id}", {
    params: { path: { reject_id: facts.reject_id } },
  }),
  "/v1/insights/measures": await api.GET("/v1/insights/measures"),
  "/v1/insights/measures/{measure}": await api.GET("/v1/insights/measures/{measure}", {
    params: { path: { measure: "repeat_purchase_rate" } },
  }),
  "/v1/insights/measures/{measure}/history": await api.GET(
    "/v1/insights/measures/{measure}/history",
    { params: { path: { measure: "rfm" }, query: { limit: 3 } } },
  ),
  "/v1/profiles/{profile_id}/insights": await api.GET("/v1/profiles/{profile_id}/insights", profile),
  "/v1/segments": await api.GET("/v1/segments"),
  "/v1/segments/{segment}/members": await api.GET("/v1/segments/{segment}/members", {
    params: { path: { segment: "everybody" }, query: { limit: 1 } },
  }),
  "/v1/profiles/{profile_id}/segments": await api.GET("/v1/profiles/{profile_id}/segments", profile),
  "/problems/{code}": await api.GET("/problems/{code}", {
    params: { path: { code: "not-found" } },
    ...text,
  }),
};
for (const path of ["/v1/incidents/stream", "/v1/profiles/stream", "/v1/segments/stream"] as const)
  await answers[path].data?.cancel();
const owner = answers["/v1/whoami"].data;
if (!owner || !scopes(owner).length) throw new Error("the key has no scope");
const refused = await api.GET("/v1/access-log", { params: { query: { cursor: "no cursor" } } });
if (refused.error?.code !== "invalid-request") throw new Error("a problem has its code");
const statuses = Object.entries(answers).map(([path, one]) => [path, one.response.status]);
console.log(JSON.stringify(Object.fromEntries(statuses)));
