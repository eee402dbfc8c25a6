/**
 * The HTTP contract, by the names that a caller of this package uses. From the service's OpenAPI
 * document.
 *
 * @module
 */

import type { components } from "./openapi.js";

type Schemas = components["schemas"];

/**
 * The response to a submission: all that is needed to wait for the order. Plain JSON, and a secret:
 * keep it as you keep a session.
 */
export type Receipt = Schemas["Receipt"];

/** What became of the orders of a batch: of each a receipt or a problem, in the order sent. */
export type BatchReceipt = Schemas["BatchReceipt"];

/**
 * The least of a {@link Receipt} that is needed to wait for its order. Without the rest, the api is
 * asked once.
 */
export type SavedReceipt = Pick<Receipt, "id" | "order_token"> & {
  readonly [M in keyof Receipt]?: Receipt[M] | undefined;
};

/** The status object, as it is stored in S3. */
export type StatusObject = Omit<Schemas["StatusObject"], "result"> & {
  /** The result, if it is small: any JSON value. */
  result?: unknown;
};

/** A status object that will not change again. */
export type FinalStatus = StatusObject & {
  /** The status is final. */
  done: true;
  /** How the order ended. */
  status: "completed" | "failed" | "cancelled";
};

/** An order as the api reports it: its status object, with fresh URLs. */
export type StatusView = StatusObject & Omit<Schemas["StatusView"], keyof Schemas["StatusObject"]>;

/** An RFC 9457 problem, as the service writes it. */
export type Problem = Schemas["Problem"];

/** One violation of the order's schema. */
export type Violation = NonNullable<Problem["errors"]>[number];

/** The options of an order: when it may start and must end. */
export type OrderOptions = NonNullable<Schemas["OrderRequest"]["options"]>;
