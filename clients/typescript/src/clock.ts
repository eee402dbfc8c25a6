/**
 * The service's clock, estimated from its responses. Pure.
 *
 * A client's clock may be minutes off, while the times in a status object are absolute. Each
 * response that carries a time of the service bounds how far the service's clock is ahead of ours.
 * The bounds of several responses are intersected. All times are milliseconds since 1970.
 *
 * @module
 */

/** How far the service's clock is ahead of ours, in milliseconds. */
export interface Clock {
  /** At least. */
  readonly least: number;
  /** At most. */
  readonly most: number;
}

/** When, by our own clock, a request was sent and its response received. */
export interface Exchange {
  /** Before the request was sent. */
  readonly sentAt: number;
  /** After the head of the response was received. */
  readonly receivedAt: number;
}

/** Nothing is known. */
export const UNKNOWN: Clock = { least: -Infinity, most: Infinity };

/** The clock after an exchange during which the service's clock was between `from` and `to`. */
export function observe(clock: Clock, { sentAt, receivedAt }: Exchange, from: number, to: number): Clock {
  const [least, most] = [from - receivedAt, to - sentAt];
  if (!(least <= most)) {
    return clock;
  }
  const both = { least: Math.max(clock.least, least), most: Math.min(clock.most, most) };
  // They exclude each other when a clock has been set in between: then the latest is right.
  return both.least <= both.most ? both : { least, most };
}

/**
 * The clock after a response with this `Date` header; unchanged where the header is missing or
 * hidden from scripts.
 */
export function observeDate(clock: Clock, exchange: Exchange, date: string | null): Clock {
  const from = Date.parse(date ?? "");
  // The header is truncated to its second.
  return observe(clock, exchange, from, from + 999);
}

/** Whether both bounds are known. */
export function isKnown(clock: Clock): boolean {
  return Number.isFinite(clock.least) && Number.isFinite(clock.most);
}

/** The service's time when ours is `local`. Ours counts as right unless it is known to be wrong. */
export function serviceTime(clock: Clock, local: number): number {
  const { least, most } = clock;
  if (least <= 0 && 0 <= most) {
    return local;
  }
  return local + (isKnown(clock) ? (least + most) / 2 : Math.max(least, Math.min(0, most)));
}
