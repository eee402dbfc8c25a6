/**
 * A caller's own credentials: an API key, or a token that is fetched and renewed.
 *
 * @module
 */

/** What a client sends to the api as `Authorization: Bearer`, and to nobody else. */
export class Credentials {
  readonly #source: (() => string | Promise<string>) | null;
  /** What the source gave last, or will give: it is asked again when the api refuses that. */
  #kept: Promise<string> | null = null;

  constructor(source: (() => string | Promise<string>) | null) {
    this.#source = source;
  }

  /** The credentials, if there are any; new ones if `refused` are those that are kept. */
  async get(refused: string | null = null): Promise<string | null> {
    const source = this.#source;
    if (!source) {
      return null;
    }
    const kept = this.#kept;
    if (kept && (await kept.catch(() => refused)) !== refused) {
      return kept;
    }
    // Several requests that were refused at once renew them once.
    if (this.#kept === kept) {
      this.#kept = (async () => source())();
    }
    return this.#kept;
  }
}
