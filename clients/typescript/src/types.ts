/**
 * The HTTP contract, by the names that a caller of this package uses. From the service's OpenAPI document.
 *
 * @module
 */

import type { components } from "./openapi.js";

type Schemas = components["schemas"];

/** The answer to an order: everything that is needed to follow it. Plain JSON, and a secret: keep it as you keep a session. */
export type Receipt = Schemas["Receipt"];

/** What is left of a {@link Receipt} at the least to follow its order: without the rest, the api is asked once. */
export type SavedReceipt = Pick<Receipt, "id" | "order_token"> & { readonly [M in keyof Receipt]?: Receipt[M] | undefined };

/** The status object: where an order stands. */
export type StatusObject = Omit<Schemas["StatusObject"], "result"> & {
  /** The result, if it is small: any JSON value. */
  result?: unknown;
};

/** A status object that will never change again. */
export type FinalStatus = StatusObject & {
  /** Nothing more is to come. */
  done: true;
  /** How the order ended. */
  status: "completed" | "failed" | "cancelled";
};

/** What the api itself says of an order: its status object, with fresh URLs. */
export type StatusView = StatusObject & Omit<Schemas["StatusView"], keyof Schemas["StatusObject"]>;

/** One fault of an order that was refused. */
export type Fault = Schemas["Violation"];

/** What is not the order: when it may start and must end. */
export type OrderOptions = NonNullable<Schemas["OrderRequest"]["options"]>;

/** An RFC 9457 problem, as the service writes it. */
export type Problem = Schemas["Problem"];
