/**
 * One stream of server-sent events:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * `EventSource` would do in a page, but an `AbortSignal` cannot close it, it reports no status
 * code, and Node has none.
 *
 * @module
 */

import type { Environment } from "./environment.js";
import { sleep } from "./sleep.js";

/**
 * The service sends something every 15 s. A stream that is silent for three times as long is dead.
 */
const SILENCE_MAX = 45_000;
/** The largest event that is read, in characters: a status object is a tenth of it. */
const EVENT_MAX = 256 * 1024;

/** One event. */
export interface ServerSentEvent {
  readonly id: string | null;
  readonly data: string;
}

/**
 * Parses the complete events of a text, and returns the rest. Comments and other fields are
 * dropped.
 */
export function takeEvents(text: string): { events: ServerSentEvent[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events = blocks.map((block) => {
    // Not `.`, which stops at U+2028: JSON may hold it.
    const fields = block.split("\n").map((line) => /^(\w*): ?([^]*)$/.exec(line) ?? ["", "", ""]);
    const of = (name: string) => fields.filter((field) => field[1] === name).map((field) => field[2] ?? "");
    return { id: of("id").at(-1) ?? null, data: of("data").join("\n") };
  });
  return { events: events.filter((event) => event.data !== ""), rest };
}

/** An open stream. */
export class EventStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #env: Environment;
  /** Closes the connection. */
  readonly close: () => void;
  readonly #decoder = new TextDecoder();
  #text = "";
  #events: ServerSentEvent[] = [];

  constructor(body: ReadableStream<Uint8Array>, env: Environment, close: () => void) {
    this.#reader = body.getReader();
    [this.#env, this.close] = [env, close];
  }

  /** The next event; `null` if the stream has ended, broken off, or fallen silent. */
  async next(): Promise<ServerSentEvent | null> {
    while (this.#events.length === 0) {
      const chunk = await this.#read();
      if (chunk === null || this.#text.length > EVENT_MAX) {
        return null;
      }
      const { events, rest } = takeEvents(this.#text + this.#decoder.decode(chunk, { stream: true }));
      [this.#events, this.#text] = [events, rest];
    }
    return this.#events.shift() ?? null;
  }

  async #read(): Promise<Uint8Array | null> {
    const received = new AbortController();
    // By the clock as well: the connection of a machine that was suspended is most likely gone,
    // without any sign of it.
    sleep(SILENCE_MAX, this.#env, { signal: received.signal }).then(this.close, () => {});
    try {
      const { done, value } = await this.#reader.read();
      return done ? null : value;
    } catch {
      return null;
    } finally {
      received.abort();
    }
  }
}
