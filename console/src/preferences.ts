/** What a person chose about the page. Kept in the browser, the same in all its tabs. */
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export type Times = "relative" | "local" | "utc";

const THEMES: readonly Theme[] = ["system", "light", "dark"];
const TIMES: readonly Times[] = ["relative", "local", "utc"];
const KEY = "offload.preferences";

export const theme = signal<Theme>("system");
export const times = signal<Times>("relative");

function load(): void {
  let kept: { theme?: unknown; times?: unknown } = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {};
  } catch {
    // No storage, or not ours: the defaults.
  }
  theme.value = THEMES.find((one) => one === kept.theme) ?? "system";
  times.value = TIMES.find((one) => one === kept.times) ?? "relative";
}

export const nextTheme = (): void => void (theme.value = after(THEMES, theme.value));
export const nextTimes = (): void => void (times.value = after(TIMES, times.value));

function after<T>(list: readonly T[], one: T): T {
  return list[(list.indexOf(one) + 1) % list.length] as T;
}

load();
window.addEventListener("storage", (event) => event.key === KEY && load());
effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme.value;
  try {
    localStorage.setItem(KEY, JSON.stringify({ theme: theme.value, times: times.value }));
  } catch {
    // Then it holds until the page is closed.
  }
});
