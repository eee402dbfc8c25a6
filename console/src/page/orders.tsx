/** Orders by filter. The filter is the URL's. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { may } from "../live/client.ts";
import { openBulk } from "../orders/bulk-dialog.tsx";
import { parse, STATES, valueOf, withTerm } from "../orders/filter.ts";
import { ListView } from "../orders/list-view.tsx";
import { go, route, setQuery } from "../router.ts";
import { useKeys } from "../shell/keys.ts";
import { group } from "../time.ts";
import type { Verb } from "../types.ts";
import { Icon } from "../view/icon.tsx";
import { Link } from "../view/link.tsx";

const TABS = ["open", "pending", "processing", "failed"] as const;
const HINT = "state:failed  kind:report  label:customer=acme  age>1h  attempt>1  id:…";

export function Orders() {
  const q = route.value.query.get("q") ?? "";
  const state = valueOf(q, "state") ?? "open";
  const set = (name: string, value: string | undefined): void => setQuery("q", withTerm(q, name, value));
  const isDead = state === "failed" || state === "dead";
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Orders</h1>
        <div class="tabs" role="group" aria-label="State">
          {TABS.map((one) => (
            <button
              key={one}
              type="button"
              class="button plain small"
              aria-pressed={state === one}
              onClick={() => set("state", one === "open" ? undefined : one)}
            >
              {one}
            </button>
          ))}
        </div>
        {may("operate") && (
          <Link class="button spread" to="new">
            <Icon name="add" />
            New order
          </Link>
        )}
      </div>
      <Search
        q={q}
        bulk={["completed", "cancelled"].includes(state) ? [] : isDead ? ["redrive", "purge"] : ["cancel"]}
      />
      <ListView
        q={q}
        label="Orders"
        verbs={isDead ? ["redrive", "purge"] : ["cancel"]}
        empty={(searched) => <Empty q={q} searched={searched} />}
      />
    </>
  );
}

/** The filter's field, and what is done to all that match. What is typed draws this alone. */
function Search({ q, bulk }: { q: string; bulk: readonly Verb[] }) {
  const draft = useSignal(q);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => void (draft.value = q), [q]);
  const wantsField = route.value.query.has("find");
  useEffect(() => {
    if (wantsField) field.current?.focus();
  }, [wantsField]);
  useKeys({ "/": () => field.current?.focus() });
  const { mistake } = parse(draft.value);
  const search = (text: string): void => {
    const wanted = text.trim().replace(/\s+/g, " ");
    go(`orders${wanted ? `?${new URLSearchParams({ q: wanted })}` : ""}`);
  };
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (!mistake) search(draft.value);
      }}
    >
      <label class="find">
        <Icon name="search" />
        <span class="hidden-text">Filter</span>
        <input
          ref={field}
          class="input mono"
          type="search"
          spellcheck={false}
          autocomplete="off"
          placeholder={HINT}
          value={draft.value}
          aria-invalid={!!mistake}
          aria-describedby="filter-mistake"
          onInput={(event) => (draft.value = event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
      </label>
      <button type="submit" class="button" disabled={!!mistake || draft.value.trim() === q}>
        Search
      </button>
      {may("operate") && parse(q).terms.length > 0 && (
        <span class="row">
          {bulk.map((verb) => (
            <button key={verb} type="button" class="button" onClick={() => openBulk(verb, q)}>
              {verb[0]?.toUpperCase() + verb.slice(1)} all that match…
            </button>
          ))}
        </span>
      )}
      <p id="filter-mistake" class="fault" role="status">
        {mistake ? `At ${mistake.at + 1}: ${mistake.detail}` : ""}
      </p>
    </form>
  );
}

function Empty({ q, searched }: { q: string; searched: number }) {
  if (!q) {
    return (
      <div class="panel empty">
        <h2>No open order</h2>
        <p>
          Every order that was accepted has ended. What ended well is found by its id or its key; what failed is a list
          of its own.
        </p>
        <p class="row">
          <Link class="button" to="new">
            Place an order
          </Link>
          <Link class="button" to="orders?q=state:failed">
            Failed orders
          </Link>
        </p>
      </div>
    );
  }
  const { terms } = parse(q);
  const byId = terms.some(({ name }) => name === "id" || name === "key");
  return (
    <div class="panel empty">
      <h2>
        No order matches <code>{q}</code>
      </h2>
      <p>
        {group(searched)} {searched === 1 ? "entry" : "entries"} searched, to the end.{" "}
        {byId ? (
          "An order is forgotten some time after it has ended."
        ) : (
          <>
            Lists hold orders that are open or failed ({STATES.slice(0, 5).join(", ")}); what ended well is found by{" "}
            <code>id:</code> or <code>key:</code>
          </>
        )}
      </p>
      <p class="row">
        {terms.length > 1 &&
          terms.map(({ from, to }) => (
            <Link
              key={from}
              class="button"
              to={`orders?${new URLSearchParams({ q: (q.slice(0, from) + q.slice(to)).trim().replace(/\s+/g, " ") })}`}
            >
              Without <code>{q.slice(from, to)}</code>
            </Link>
          ))}
        <Link class="button" to="orders">
          Open orders
        </Link>
      </p>
    </div>
  );
}
