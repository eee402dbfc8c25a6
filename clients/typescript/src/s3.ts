/**
 * What a response of S3 means. Pure.
 *
 * @module
 */

import type { StatusObject } from "./types.js";

/** The response to one poll. */
export type PollResponse =
  | { readonly kind: "unchanged" }
  | { readonly kind: "object"; readonly object: StatusObject }
  /** The URL has expired, or there is no object: the api can say more. */
  | { readonly kind: "refused"; readonly why: string }
  /** No usable response for now. */
  | { readonly kind: "unavailable"; readonly why: string };

/** Classifies a response by its status code and body. */
export function pollResponse(status: number, body: string): PollResponse {
  if (status === 304) {
    return { kind: "unchanged" };
  }
  if (status === 200) {
    const object = statusObject(body);
    return object ? { kind: "object", object } : { kind: "unavailable", why: "the response is not a status object" };
  }
  // An expired URL is 403, an expired session token 400, a missing object 404, or 403 where the
  // signer may not list.
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return { kind: refused ? "refused" : "unavailable", why: errorCode(status, body) };
}

/** The status, and the `Code` in the XML of S3's error. */
function errorCode(status: number, body: string): string {
  const code = /<Code>([A-Za-z0-9]{1,60})<\/Code>/.exec(body)?.[1];
  return code === undefined ? `${status}` : `${status} ${code}`;
}

/** Parses a status object; `null` if the text is none. */
export function statusObject(body: string): StatusObject | null {
  try {
    const value = JSON.parse(body) as Partial<StatusObject> | null;
    const fits = typeof value?.id === "string" && typeof value.revision === "number" && typeof value.done === "boolean";
    return fits ? (value as StatusObject) : null;
  } catch {
    // A broken connection, or a hotel's login page.
    return null;
  }
}
