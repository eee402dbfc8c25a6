// POST /order as a function of Lambda, by the AWS SDK v3 and the Runtime API alone.

import http from "node:http";
import { accept } from "./accept.js";

const agent = new http.Agent({ keepAlive: true });
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      let text = "";
      answer.on("data", (part) => (text += part));
      answer.on("end", () => resolve({ headers: answer.headers, text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const { headers, text } = await call("GET", "next");
  const answer = await accept(JSON.parse(JSON.parse(text).body));
  const response = { statusCode: 202, headers: answer.headers, body: JSON.stringify(answer.body) };
  await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(response));
}
