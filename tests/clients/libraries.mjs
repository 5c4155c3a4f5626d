// The libraries of Segment and RudderStack for Node, as they come: each of the six calls once.
// Arguments: library, address, write key, user id. Prints what went wrong, one line each.
import { createRequire } from "node:module";

const [library, host, writeKey, userId] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const failed = (error) => error && console.log(String(error.code ?? error));

function opened() {
  if (library === "segment") {
    const { Analytics } = require("@segment/analytics-node");
    const analytics = new Analytics({ writeKey, host, flushAt: 4 });
    analytics.on("error", failed);
    return [analytics, () => analytics.closeAndFlush({ timeout: 30_000 })];
  }
  const RudderAnalytics = require("@rudderstack/rudder-sdk-node");
  const analytics = new RudderAnalytics(writeKey, {
    dataPlaneUrl: host,
    flushAt: 4,
    logLevel: "error",
    errorHandler: failed,
  });
  return [analytics, () => analytics.flush()];
}

const [analytics, close] = opened();
const products = [{ product_id: "CM-200", name: "Coffee maker 200", price: 79.9, quantity: 1 }];
const properties = { order_id: `o-${userId}`, total: 79.9, currency: "EUR", products };
analytics.identify({ userId, anonymousId: `c-${userId}`, traits: { plan: "premium" } });
analytics.track({ userId, event: "Order Completed", properties });
analytics.page({ userId, name: "Home", properties: { url: "https://shop.example.com/" } });
analytics.screen({ userId, name: "Start" });
analytics.group({ userId, groupId: "K-1", traits: { name: "Initech" } });
analytics.alias({ userId, previousId: `c-before-${userId}` });
await close();
