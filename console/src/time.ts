/** Times and durations as people read them. Pure. */
import type { Times } from "./preferences.ts";

const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

/** A duration in at most two units: `840 ms`, `12.4 s`, `3 min 05 s`, `2 h 10 min`, `4 d 3 h`. */
export function duration(ms: number): string {
  const sign = ms < 0 ? "−" : "";
  const length = Math.abs(ms);
  if (length < 1_000) return `${sign}${Math.round(length)} ms`;
  if (length < 59_950) return `${sign}${(length / 1_000).toFixed(1)} s`;
  const seconds = Math.round(length / 1_000);
  if (seconds < 3_600) return `${sign}${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return `${sign}${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${sign}${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A duration without parts that change while it is read: whole seconds, then one unit. */
export function coarse(ms: number): string {
  const seconds = Math.max(0, Math.floor(Math.abs(ms) / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A moment, as the person wants times. */
export function moment(at: number, now: number, times: Times): string {
  if (times === "relative") {
    if (Math.abs(now - at) < 1_000) return "now";
    return at > now ? `in ${coarse(at - now)}` : `${coarse(now - at)} ago`;
  }
  return clock(at, times, !sameDay(at, now, times));
}

/** The time of day, and the day where it is another one. */
export function clock(at: number, times: Times, withDay = false): string {
  const date = new Date(at);
  if (Number.isNaN(at)) return "–";
  const utc = times === "utc";
  const time = utc
    ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getHours(), date.getMinutes(), date.getSeconds()];
  const day = utc
    ? [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
    : [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  const text = time.map((n) => pad(n)).join(":") + (utc ? "Z" : "");
  return withDay ? `${day.map((n) => pad(n)).join("-")} ${text}` : text;
}

function sameDay(a: number, b: number, times: Times): boolean {
  return clock(a, times, true).slice(0, 10) === clock(b, times, true).slice(0, 10);
}

/** A number in at most four figures: `999`, `12.3 k`, `4.5 M`. */
export function amount(n: number): string {
  if (!Number.isFinite(n)) return "–";
  if (Math.abs(n) < 10_000) return Number.isInteger(n) ? group(n) : n.toFixed(Math.abs(n) < 10 ? 2 : 1);
  if (Math.abs(n) < 999_950) return `${(n / 1_000).toFixed(1)} k`;
  return `${(n / 1_000_000).toFixed(1)} M`;
}

/** Digits in groups of three, by a thin space. */
export function group(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/** Dollars to the cent: `$1 234.50`. */
export function money(dollars: number): string {
  if (!Number.isFinite(dollars)) return "–";
  if (dollars > 0 && dollars < 0.005) return "<$0.01";
  const [whole = "", cents] = dollars.toFixed(2).split(".");
  return `$${group(Number(whole))}.${cents}`;
}

export function bytes(n: number): string {
  if (n < 1_024) return `${n} B`;
  if (n < 1_048_576) return `${(n / 1_024).toFixed(1)} KiB`;
  return `${(n / 1_048_576).toFixed(1)} MiB`;
}
