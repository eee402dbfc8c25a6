/**
 * Where the page is: a path behind the base, and a query. Every view has a URL of its own.
 *
 * The base is what `<base>` says, which the server sets for each path, so that a path prefix needs
 * no setting. The recorded demo is on a file server that knows one path: there routes are in the
 * fragment.
 */
import { signal } from "@preact/signals";

export interface Route {
  /** Without the base, without a slash at either end: "" is the overview. */
  path: string;
  query: URLSearchParams;
}

export const base = new URL(document.baseURI);
// Fragments and later pushes must not move it.
base.hash = base.search = "";

const inFragment = document.querySelector('meta[name="offload-routes"][content="fragment"]') !== null;

function current(): Route {
  const { hash, pathname, search } = window.location;
  const at = inFragment ? new URL(hash.slice(1) || "/", base) : { pathname, search };
  const start = inFragment ? "/" : base.pathname;
  const path = at.pathname.startsWith(start) ? at.pathname.slice(start.length) : "";
  return { path: decodeURI(path).replace(/^\/+|\/+$/g, ""), query: new URLSearchParams(at.search) };
}

export const route = signal<Route>(current());

/** The URL of a path behind the base, such as `orders?q=state:failed`. */
export function href(to: string): string {
  return inFragment ? `${window.location.pathname}#/${to}` : base.pathname + to;
}

/** Goes to a path behind the base. */
export function go(to: string, how: { replace?: boolean } = {}): void {
  const url = href(to);
  if (how.replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  route.value = current();
  if (!how.replace) window.scrollTo(0, 0);
}

/** Changes one member of the query in place; an empty value removes it. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(route.value.query);
  if (value) query.set(name, value);
  else query.delete(name);
  const text = query.toString();
  go(route.value.path + (text ? `?${text}` : ""), { replace: true });
}

window.addEventListener("popstate", () => (route.value = current()));
window.addEventListener("hashchange", () => (route.value = current()));
