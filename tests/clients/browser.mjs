// The libraries of Segment and RudderStack for browsers, as they come, in a page of a real Chromium: each of
// their calls once, and one more as the page is left. Arguments: library, address of the service, write key,
// user id, port of the page. Prints what went wrong, one line each: errors of the page, and requests that failed.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const [library, host, writeKey, userId, port] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const FOLDER = {
  segment: "node_modules/@segment/analytics-next/dist/umd",
  rudderstack: "node_modules/@rudderstack/analytics-js/dist/npm/modern/bundled/umd",
}[library];
const PAGE = '<!doctype html><title>Shop</title><script src="/library/index.js"></script>';
const NO_NETWORK = ["background-networking", "component-update", "sync", "quic", "gpu"];

const answer = async (request, response) => {
  const asked = request.url.split("?")[0];
  const isScript = asked.startsWith("/library/");
  response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
  response.end(isScript ? await readFile(path.join(FOLDER, path.basename(asked))) : PAGE);
};

// Runs in the page: the library is there as a page has it.
const call = ({ library, host, writeKey, userId }) => {
  const loaded = {
    segment: () => {
      const own = { apiKey: writeKey, apiHost: `${new URL(host).host}/v1`, protocol: "http" };
      const integrations = { "Segment.io": own };
      return window.AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnSettings: { integrations } });
    },
    rudderstack: () => {
      const source = { id: "s", name: "s", writeKey, enabled: true, destinations: [], config: {} };
      const getSourceConfig = () => ({ source, updatedAt: "2026-01-01T00:00:00Z" });
      const analytics = new window.rudderanalytics.RudderAnalytics();
      analytics.load(writeKey, host, { getSourceConfig });
      return analytics;
    },
  }[library]();
  loaded.identify(userId, { plan: "premium" });
  loaded.page("Home");
  loaded.track("Product Viewed", { product_id: "CM-200", name: "Coffee maker 200", price: 79.9, currency: "EUR" });
  loaded.group("K-1", { name: "Initech" });
  loaded.alias(userId, `c-before-${userId}`);
};

const server = createServer(answer).listen(Number(port), "127.0.0.1");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--no-first-run", ...NO_NETWORK.map((one) => `--disable-${one}`)],
});
const page = await browser.newPage();
page.on("pageerror", (error) => console.log(`error of the page: ${error}`));
page.on("requestfailed", (request) => console.log(`failed: ${request.url()} ${request.failure().errorText}`));
const answers = [];
page.on("response", (response) => {
  if (response.url().startsWith(host) && response.request().method() === "POST") answers.push(response);
  if (response.status() >= 400) console.log(`${response.status()} for ${response.url()}`);
});
await page.goto(`http://127.0.0.1:${port}/`);
await page.evaluate(call, { library, host, writeKey, userId });
const end = Date.now() + 30_000;
while (answers.length < 5 && Date.now() < end) await page.waitForTimeout(50);
if (answers.length < 5) console.log(`only ${answers.length} of 5 calls were answered`);
await browser.close();
server.close();
