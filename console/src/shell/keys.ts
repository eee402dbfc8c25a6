/**
 * Keys. They do what a link or a button does; what changes an order opens a dialog first. They are
 * off while a field has the focus, and under a dialog.
 */
import { useEffect, useRef } from "preact/hooks";

export interface Keys {
  [key: string]: (() => void) | undefined;
}

const layers: { current: Keys }[] = [];
/** How long `g` waits for its second key. */
const SECOND_MS = 1_500;
let prefix: { key: string; until: number } | undefined;

function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  if (inField(event.target) || document.querySelector("dialog[open]")) return;
  // Enter and the space bar are the focused control's own.
  if (event.target instanceof Element && event.key === "Enter" && event.target.matches("a, button, summary")) return;
  const key = event.key.length === 1 || event.key === "Enter" || event.key === "Escape" ? event.key.toLowerCase() : "";
  if (!key) return;
  const both = prefix && prefix.until > event.timeStamp ? `${prefix.key} ${key}` : key;
  prefix = undefined;
  for (const { current } of layers.toReversed()) {
    const run = current[both];
    if (run) {
      event.preventDefault();
      return run();
    }
  }
  if (both === "g") prefix = { key, until: event.timeStamp + SECOND_MS };
}

window.addEventListener("keydown", onKeyDown);

/** Adds keys for as long as the component is there. Later layers come first. */
export function useKeys(keys: Keys): void {
  const layer = useRef(keys);
  layer.current = keys;
  useEffect(() => {
    layers.push(layer);
    return () => void layers.splice(layers.indexOf(layer), 1);
  }, [layer]);
}
