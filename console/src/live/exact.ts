/** JSON whose numbers keep their digits: an order may have more of them than a double holds. */

// Not in TypeScript's library yet: https://tc39.es/proposal-json-parse-with-source/
interface WithSource {
  parse(text: string, reviver: (name: string, value: unknown, context?: { source?: string }) => unknown): unknown;
  rawJSON?(text: string): object;
}

/** The text cannot be kept as it is by this browser. */
export class Inexact extends Error {}

/** What is written back by `JSON.stringify` has the digits of the text. */
export function parseExact(text: string): unknown {
  const json = JSON as unknown as WithSource;
  return json.parse(text, (_, value, context) => {
    if (typeof value !== "number" || isExact(context?.source, value)) return value;
    if (context?.source === undefined || !json.rawJSON)
      throw new Inexact("a number has more digits than this browser keeps");
    return json.rawJSON(context.source);
  });
}

/** Whether a number is what its text says. Without the text, small whole numbers are trusted alone. */
function isExact(source: string | undefined, value: number): boolean {
  if (source === undefined) return Number.isSafeInteger(value);
  return digits(source) === digits(String(value));
}

/** The significant digits and their exponent, whatever the spelling: `1.50e3` is `15e2`. */
function digits(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const significant = all.replace(/0+$/, "");
  if (significant === "") return `${sign}0`;
  return `${sign}${significant}e${Number(exponent) - fraction.length + (all.length - significant.length)}`;
}
