/** The demo: the same page on answers that were recorded. Nothing is sent, and no time passes. */
import { base } from "../router.ts";
import type { Problem } from "../types.ts";

interface Recording {
  at: string;
  answers: Record<string, unknown>;
}

/** The recording, where the page is a demo. */
export const recorded = load();

function load(): Promise<{ at: number; read: <T>(path: string) => T; refuse: () => never }> | null {
  const file = document.querySelector<HTMLMetaElement>('meta[name="offload-recording"]')?.content;
  if (!file) return null;
  return fetch(new URL(file, base))
    .then((response) => response.json() as Promise<Recording>)
    .then(({ at, answers }) => ({
      at: Date.parse(at),
      read: <T>(path: string) => {
        const answer = answers[keyOf(path)];
        if (answer === undefined) throw problem("This was not recorded", "The demo has some orders of each state.");
        return answer as T;
      },
      refuse: () => {
        throw problem("This is a recording", "Nothing can be changed in it. `offload up` has the real page.");
      },
    }));
}

/** How many orders a list may have does not matter: all that was recorded is in it. */
function keyOf(path: string): string {
  const [at = "", text = ""] = path.split("?");
  const query = new URLSearchParams(text);
  query.delete("limit");
  if (!query.get("q")) query.delete("q");
  return query.size > 0 ? `${at}?${query}` : at;
}

function problem(title: string, detail: string): { problem: Problem; status: number } {
  return Object.assign(new Error(title), { problem: { type: "about:blank/recorded", title, detail }, status: 0 });
}
