/**
 * Idempotency keys.
 *
 * @module
 */

/** A new, unique key. */
export function newIdempotencyKey(): string {
  const { crypto } = globalThis;
  if (typeof crypto.randomUUID === "function") {
    return crypto.randomUUID();
  }
  // A page that was not loaded over HTTPS.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
