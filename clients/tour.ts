// A patient's tour with the TypeScript client: log in, find a doctor and a slot, book, repeat the
// request, read, list and cancel. It ends with an error if an answer is not as it should be.
//
//   BASE_URL=http://localhost:8000 node tour.ts

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./telemedicine.d.ts";

type Problem = components["schemas"]["ProblemDetails"];

const baseUrl = process.env["BASE_URL"] ?? "http://localhost:8000";
const api = createClient<paths>({ baseUrl });

// The data of a successful answer. A problem becomes an exception with its code.
function data<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.status} ${answer.error?.code}: ${answer.error?.detail}`);
  }
  return answer.data;
}

// Log in
const { access_token } = data(
  await api.POST("/v1/auth/login", {
    body: { email: "patient@example.com", password: "telemedicine-demo" },
  }),
);
api.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${access_token}`);
    return request;
  },
});

// Find a doctor and a slot
const doctors = data(
  await api.GET("/v1/doctors", { params: { query: { q: "kral", sort: "next_free" } } }),
);
const doctor = doctors.items[0];
assert(doctor !== undefined);
const inFiveDays = new Date(Date.now() + 5 * 24 * 3600 * 1000).toISOString();
const slots = data(
  await api.GET("/v1/doctors/{doctor_id}/slots", {
    params: { path: { doctor_id: doctor.id }, query: { from: inFiveDays, limit: 5 } },
  }),
);
const slot = slots.items[0];
assert(slot !== undefined);
console.log(`${doctor.full_name} is free on ${new Date(slot.starts_at).toUTCString()}`);

// Book it, and send the same request again, as after a lost answer
const key = crypto.randomUUID();
const book = (idempotencyKey: string) =>
  api.POST("/v1/consultations", {
    params: { header: { "Idempotency-Key": idempotencyKey } },
    body: { slot_id: slot.id, reason: "Trouble sleeping" },
  });
const booked = await book(key);
const repeated = await book(key);
const consultation = data(booked);
assert.deepEqual(data(repeated), consultation);
assert.equal(booked.response.status, 201);
assert.equal(booked.response.headers.get("Idempotency-Replayed"), null);
assert.equal(repeated.response.headers.get("Idempotency-Replayed"), "true");
const fee: number = consultation.fee_minor;
console.log(`booked ${consultation.id} for ${fee} ${consultation.currency} (minor units)`);

// A refusal has a stable code
const refused = await book(crypto.randomUUID());
assert.equal(refused.error?.code, "TM918");

// Read it, and find it among the next appointments
const one = { params: { path: { consultation_id: consultation.id } } };
assert.deepEqual(data(await api.GET("/v1/consultations/{consultation_id}", one)), consultation);
const next = data(
  await api.GET("/v1/consultations", {
    params: { query: { status: "scheduled", from: inFiveDays, order: "starts_at" } },
  }),
);
assert(next.items.some((item) => item.id === consultation.id));

// Cancel it
const cancelled = data(
  await api.POST("/v1/consultations/{consultation_id}/cancel", {
    ...one,
    body: { reason: "Sleeping well again" },
  }),
);
assert.equal(cancelled.status, "cancelled");
console.log(`cancelled: ${cancelled.cancellation_reason}`);
