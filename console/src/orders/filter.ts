/**
 * The filter language of lists, as far as the page needs it: to mark a mistake before it is sent,
 * to set one term, and to know whether an order of the stream is in a list. The service decides.
 */
import type { Listed } from "../types.ts";

export type Operator = ":" | ">" | "<";

export interface Term {
  name: string;
  operator: Operator;
  value: string;
  /** Where it begins and ends, from 0. */
  from: number;
  to: number;
}

export interface Mistake {
  /** From 0. */
  at: number;
  detail: string;
}

const NAMES: Record<string, string> = {
  state: ":",
  kind: ":",
  label: ":",
  key: ":",
  id: ":",
  tenant: ":",
  reason: ":",
  age: "><",
  attempt: ":><",
};
export const STATES = ["open", "pending", "processing", "failed", "dead", "completed", "cancelled"] as const;
const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TERM = /([a-z]+)([:><])((?:"[^"]*"?|[^\s"])*)|\S+/gy;

export function parse(text: string): { terms: Term[]; mistake: Mistake | undefined } {
  const terms: Term[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at] as string)) {
      at += 1;
      continue;
    }
    TERM.lastIndex = at;
    const [whole, name, operator, raw] = TERM.exec(text) as RegExpExecArray;
    const to = at + (whole as string).length;
    const term: Term =
      name === undefined || raw === undefined
        ? { name: "id", operator: ":", value: whole as string, from: at, to }
        : { name, operator: operator as Operator, value: raw.replaceAll('"', ""), from: at, to };
    const detail = mistakeOf(term, terms, raw);
    if (detail) return { terms, mistake: { at, detail } };
    terms.push(term);
    at = to;
  }
  return { terms, mistake: undefined };
}

function mistakeOf(term: Term, before: Term[], raw: string | undefined): string | undefined {
  const { name, operator, value } = term;
  if (raw === undefined && !ID.test(value)) return `"${value}" is neither an order's id nor name:value`;
  const operators = NAMES[name];
  if (!operators) return `there is no "${name}"; there are ${Object.keys(NAMES).join(", ")}`;
  if (!operators.includes(operator)) return `"${name}" goes with ${operators.split("").join(" or ")}`;
  if (((raw ?? "").match(/"/g)?.length ?? 0) % 2 === 1) return "the quote has no end";
  if (value === "") return `"${name}" has no value`;
  if (name === "state" && !STATES.some((one) => one === value)) return `a state is one of ${STATES.join(", ")}`;
  if (name === "age" && milliseconds(value) === undefined) return "an age is a number and s, m, h or d";
  if (name === "attempt" && !/^\d+$/.test(value)) return "an attempt is a number";
  const repeats = name !== "label" && before.some((one) => one.name === name && one.operator === operator);
  return repeats ? `"${name}" is there already` : undefined;
}

export function milliseconds(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return number && unit ? Number(number) * (UNITS[unit] as number) : undefined;
}

/** The value of a term, or nothing. */
export function valueOf(text: string, name: string): string | undefined {
  return parse(text).terms.find((term) => term.name === name)?.value;
}

/** The filter with one term set in place of those of its name; no value removes it. */
export function withTerm(text: string, name: string, value: string | undefined): string {
  const others = parse(text).terms.filter((term) => term.name !== name);
  const written = others.map(({ from, to }) => text.slice(from, to));
  if (value !== undefined) written.unshift(`${name}:${/\s/.test(value) ? `"${value}"` : value}`);
  return written.join(" ");
}

/** Whether an order is in the list; `undefined` where only the service knows. */
export function admits(terms: Term[], order: Listed, now: number): boolean | undefined {
  let known = true;
  for (const term of [...terms, ...(terms.some((one) => one.name === "state") ? [] : [OPEN])]) {
    const admitted = admitsTerm(term, order, now);
    if (admitted === false) return false;
    known &&= admitted === true;
  }
  return known || undefined;
}

/** Whether a failure is one that an operator may redrive: another attempt may succeed. */
export function isDead(error: Listed["error"]): boolean {
  return !!error && /\/(attempts-exhausted|dead-lettered)$/.test(error.type);
}

const OPEN: Term = { name: "state", operator: ":", value: "open", from: 0, to: 0 };

function admitsTerm({ name, operator, value }: Term, order: Listed, now: number): boolean | undefined {
  const compare = (a: number, b: number): boolean => (operator === ">" ? a > b : operator === "<" ? a < b : a === b);
  switch (name) {
    case "state":
      if (value === "open") return order.status === "pending" || order.status === "processing";
      if (value === "dead") return order.status === "failed" && isDead(order.error);
      return order.status === value;
    case "kind":
      return order.kind === value;
    case "tenant":
      return order.tenant === value;
    case "id":
      return order.id === value.toLowerCase();
    case "reason":
      return order.error?.type.split("/").pop() === value;
    case "attempt":
      return compare(order.attempt, Number(value));
    case "age":
      return compare(now - Date.parse(order.created_at), milliseconds(value) ?? NaN);
    case "label": {
      const [label = "", ...wanted] = value.split(/[=:]/);
      const own = order.labels[label];
      return own !== undefined && (wanted.length === 0 || own === value.slice(label.length + 1));
    }
    default:
      return undefined;
  }
}
