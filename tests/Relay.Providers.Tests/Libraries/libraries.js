// What the providers' own libraries sign and verify. One JSON object a line on stdin, its answer a line on stdout:
//   {"call":"stripe.sign","body":"<base64>","secret":"…"}  →  {"headers":{"stripe-signature":"…"}}
//   {"call":"stripe.verify","body":"<base64>","secret":"…","headers":{…}}  →  {"verified":true}
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { Webhooks } from "@octokit/webhooks";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_unused");

const calls = {
  "stripe.sign": ({ text, secret }) => ({
    headers: { "stripe-signature": stripe.webhooks.generateTestHeaderString({ payload: text, secret }) },
  }),
  "stripe.verify": ({ body, secret, headers }) => {
    stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret);
    return { verified: true };
  },

  "github.sign": async ({ text, secret }) => ({
    headers: { "x-hub-signature-256": await new Webhooks({ secret }).sign(text) },
  }),
  "github.verify": async ({ text, secret, headers }) => ({
    verified: await new Webhooks({ secret }).verify(text, headers["x-hub-signature-256"]),
  }),

  "standard.sign": ({ text, secret }) => {
    const now = new Date();
    return {
      headers: {
        "webhook-id": "msg_1",
        "webhook-timestamp": `${Math.floor(now.getTime() / 1000)}`,
        "webhook-signature": new Webhook(secret).sign("msg_1", now, text),
      },
    };
  },
  "standard.verify": ({ body, secret, headers }) => {
    new Webhook(secret).verify(body, headers);
    return { verified: true };
  },

  // Not a library but Node's OpenSSL: fresh keys with signatures right and wrong, and what it holds of each.
  "ed25519.cases": ({ count }) => ({ cases: Array.from({ length: count }, (_, nth) => ed25519Case(nth)) }),
};

function ed25519Case(nth) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const message = Buffer.from(`message ${nth} `.repeat(nth % 50));
  const signature = sign(null, message, privateKey);
  if (nth % 3 === 1) {
    signature[nth % 64] ^= 1 << nth % 8;
  }
  return {
    key: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"),
    message: message.toString("hex"),
    signature: signature.toString("hex"),
    verified: verify(null, message, publicKey, signature),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    const body = Buffer.from(request.body ?? "", "base64");
    answer = await calls[request.call]({ ...request, body, text: body.toString("utf8") });
  } catch (error) {
    answer = { verified: false, error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
