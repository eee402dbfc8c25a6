/**
 * What an answer of S3 means. Pure.
 *
 * @module
 */

import type { StatusObject } from "./types.js";

/** What a look at a status URL found. */
export type Look =
  | { readonly kind: "unchanged" }
  | { readonly kind: "object"; readonly object: StatusObject }
  /** The URL works no longer, or nothing is there: the api can say more. */
  | { readonly kind: "refused"; readonly why: string }
  /** No answer for now. */
  | { readonly kind: "unavailable"; readonly why: string };

/** Reads an answer by its status code and body. */
export function lookOf(status: number, body: string): Look {
  if (status === 304) {
    return { kind: "unchanged" };
  }
  if (status === 200) {
    const object = statusObject(body);
    return object ? { kind: "object", object } : { kind: "unavailable", why: "what came is no status object" };
  }
  // An expired URL is 403, an expired session token 400, a missing object 404, or 403 where the signer may not list.
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return { kind: refused ? "refused" : "unavailable", why: s3Error(status, body) };
}

/** S3's word for an error: the status, and the `Code` of its XML. */
export function s3Error(status: number, body: string): string {
  const code = /<Code>([A-Za-z0-9]{1,60})<\/Code>/.exec(body)?.[1];
  return code === undefined ? `${status}` : `${status} ${code}`;
}

/** The status object that a text is; `null` if it is none. */
export function statusObject(body: string): StatusObject | null {
  try {
    const value = JSON.parse(body) as Partial<StatusObject> | null;
    const fits = typeof value?.id === "string" && typeof value.revision === "number" && typeof value.done === "boolean";
    return fits ? (value as StatusObject) : null;
  } catch {
    // A broken connection or a hotel's login page.
    return null;
  }
}
