/** Dead letters by why they failed. Pure. */
import type { Listed } from "../types.ts";

export interface Group {
  reason: string;
  title: string;
  count: number;
  last: string;
  example: string;
}

/** The reasons, the most frequent one first. */
export function groupsOf(orders: readonly Listed[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { error, updated_at: at } of orders) {
    const reason = error ? (error.type.split("/").pop() ?? "unknown") : "unknown";
    const known = groups.get(reason);
    if (known) {
      known.count += 1;
      if (at > known.last) known.last = at;
    } else {
      groups.set(reason, {
        reason,
        title: error?.title ?? "No reason was recorded",
        count: 1,
        last: at,
        example: error?.detail ?? "",
      });
    }
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
}
