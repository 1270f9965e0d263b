// Serves the functions of the schema api over GraphQL, with a signed context for each request.
"use strict";

const cluster = require("node:cluster");
const crypto = require("node:crypto");
const http = require("node:http");
const jwt = require("jsonwebtoken");
const { Pool } = require("pg");
const { postgraphile } = require("postgraphile");

const { CONTEXT_KEY, DATABASE_URL, SECRET_KEY } = process.env;
const WORKERS = Number(process.env.WORKERS);
const POOL_SIZE = Number(process.env.POOL_SIZE);
const VALID_SECONDS = 60;
const KEY_ID = crypto
  .createHash("sha256")
  .update("context key " + CONTEXT_KEY)
  .digest("hex")
  .slice(0, 16);

// As api/context.py signs.
function pgSettings(request) {
  const token = (request.headers.authorization || "").replace(/^Bearer /, "");
  const claims = jwt.verify(token, SECRET_KEY, {
    algorithms: ["HS256"],
    audience: "telemedicine-api",
    issuer: "telemedicine",
  });
  const requestId = crypto.randomUUID();
  const valid = Math.floor(Date.now() / 1000) + VALID_SECONDS;
  const message = `${claims.sid}|${valid}|${claims.sub}|${claims.role}|${requestId}`;
  const digest = crypto.createHmac("sha256", CONTEXT_KEY).update(message).digest("hex");
  return {
    "app.user_id": claims.sub,
    "app.role": claims.role,
    "app.request_id": requestId,
    "app.proof": `${KEY_ID}|${claims.sid}|${valid}|${digest}`,
    TimeZone: "UTC",
  };
}

function serve() {
  const pool = new Pool({ connectionString: DATABASE_URL, max: POOL_SIZE });
  const handler = postgraphile(pool, "api", {
    pgSettings,
    disableDefaultMutations: true,
    disableQueryLog: true,
    dynamicJson: true,
    graphiql: false,
    setofFunctionsContainNulls: false,
  });
  const server = http.createServer((request, response) => {
    if (request.url === "/health") {
      response.end("ok");
      return;
    }
    handler(request, response);
  });
  server.listen(Number(process.env.PORT), "127.0.0.1");
}

if (cluster.isPrimary) {
  for (let number = 0; number < WORKERS; number += 1) {
    cluster.fork();
  }
  let listening = 0;
  cluster.on("listening", (_worker, address) => {
    listening += 1;
    if (listening === WORKERS) {
      console.log(`Listening at http://127.0.0.1:${address.port}`);
    }
  });
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) {
      worker.kill("SIGKILL");
    }
    process.exit(0);
  });
} else {
  serve();
}
