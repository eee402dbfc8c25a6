/**
 * What the service's clock shows, told from its answers. Pure.
 *
 * A client's clock may be minutes off, while the times in a status object are absolute. Each answer that carries a time
 * of the service bounds how far the service's clock is ahead of ours; the bounds of several answers are laid over each
 * other. All times are milliseconds since 1970.
 *
 * @module
 */

/** How far the service's clock may be ahead of ours, in milliseconds. */
export interface Clock {
  /** At least so much. */
  readonly least: number;
  /** At most so much. */
  readonly most: number;
}

/** When, by our own clock, an exchange with the service took place. */
export interface Exchange {
  /** Before the request was sent. */
  readonly sentAt: number;
  /** After the answer's head had come. */
  readonly receivedAt: number;
}

/** Nothing is known. */
export const UNKNOWN: Clock = { least: -Infinity, most: Infinity };

/** The clock after an exchange in which the service's clock showed something from `from` to `to`. */
export function heard(clock: Clock, { sentAt, receivedAt }: Exchange, from: number, to: number): Clock {
  const [least, most] = [from - receivedAt, to - sentAt];
  if (!(least <= most)) {
    return clock;
  }
  const both = { least: Math.max(clock.least, least), most: Math.min(clock.most, most) };
  // They exclude each other when a clock has been set in between: then the latest is right.
  return both.least <= both.most ? both : { least, most };
}

/** The clock after an answer with this `Date` header; unchanged where the header is missing or hidden from scripts. */
export function heardDate(clock: Clock, exchange: Exchange, date: string | null): Clock {
  const from = Date.parse(date ?? "");
  // The header is cut to its second.
  return heard(clock, exchange, from, from + 999);
}

/** Whether both ends are known. */
export function isKnown(clock: Clock): boolean {
  return Number.isFinite(clock.least) && Number.isFinite(clock.most);
}

/** What the service's clock shows when ours shows `local`. Ours is right unless it has been shown to be wrong. */
export function serviceTime(clock: Clock, local: number): number {
  const { least, most } = clock;
  if (least <= 0 && 0 <= most) {
    return local;
  }
  return local + (isKnown(clock) ? (least + most) / 2 : Math.max(least, Math.min(0, most)));
}
