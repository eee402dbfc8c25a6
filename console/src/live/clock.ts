/** The time that the page goes by: the service's, a second at a time. */
import { signal } from "@preact/signals";

import { skew } from "./client.ts";
import { recorded } from "./recorded.ts";

export const now = signal(Date.now());

if (recorded) void recorded.then(({ at }) => (now.value = at));
else setInterval(() => document.hidden || (now.value = Date.now() + skew.value), 1_000);
