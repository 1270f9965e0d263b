// Sends the requests of a file at a constant rate, whether or not earlier ones are answered.
import { Counter, Trend } from "k6/metrics";
import { SharedArray } from "k6/data";
import exec from "k6/execution";
import http from "k6/http";

const { FILE, KEY, NEW_KEY, RATE, SECONDS, STATUS, SUMMARY, CLIENTS } = __ENV;
const requests = new SharedArray("requests", () => JSON.parse(open(FILE)));
const latency = new Trend("latency", true);
const wrong = new Counter("wrong");
const right = new Counter("right");

export const options = {
  discardResponseBodies: true,
  scenarios: {
    open: {
      executor: "constant-arrival-rate",
      rate: Number(RATE),
      timeUnit: "1s",
      duration: `${SECONDS}s`,
      preAllocatedVUs: Number(CLIENTS),
      maxVUs: Number(CLIENTS),
      gracefulStop: "10s",
    },
  },
  summaryTrendStats: ["med", "p(95)", "p(99)", "max"],
};

export default function () {
  const number = exec.scenario.iterationInTest;
  const [method, url, common, body] = requests[number % requests.length];
  const headers = { ...common }; // the array is read-only
  if (headers["Idempotency-Key"] === NEW_KEY) {
    headers["Idempotency-Key"] = KEY + String(number).padStart(8, "0");
  }
  const answer = http.request(method, url, body || null, { headers });
  (answer.status === Number(STATUS) ? right : wrong).add(1);
  // With the time until a connection was free.
  latency.add(answer.timings.blocked + answer.timings.duration);
}

export function handleSummary(data) {
  return { [SUMMARY]: JSON.stringify(data.metrics) };
}
