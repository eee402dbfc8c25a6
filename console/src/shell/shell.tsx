/** What is around every page. */
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { may, session } from "../live/client.ts";
import { counts } from "../live/counts.ts";
import { liveState, paused, answeredAt } from "../live/stream.ts";
import { nextTheme, nextTimes, theme, times } from "../preferences.ts";
import { base, go, route } from "../router.ts";
import { clock } from "../time.ts";
import { closeDialog, Dialog, opened } from "../view/dialog.tsx";
import { Icon, type IconName } from "../view/icon.tsx";
import { Link } from "../view/link.tsx";
import { Toasts } from "../view/toast.tsx";
import { openKeySheet } from "./key-sheet.tsx";
import { useKeys } from "./keys.ts";

interface Entry {
  to: string;
  label: string;
  icon: IconName;
  needs?: "operate" | "admin";
  /** Not in the bar of narrow windows, but behind "More". */
  wide?: boolean;
  gap?: boolean;
}

export const ENTRIES: Entry[] = [
  { to: "", label: "Overview", icon: "overview" },
  { to: "orders", label: "Orders", icon: "orders", gap: true },
  { to: "new", label: "New order", icon: "add", needs: "operate", wide: true },
  { to: "dead", label: "Dead letters", icon: "dead" },
  { to: "actions", label: "Actions", icon: "actions", needs: "operate", wide: true },
  { to: "deliveries", label: "Deliveries", icon: "deliveries", needs: "admin", wide: true },
  { to: "workers", label: "Workers", icon: "workers", needs: "admin", gap: true },
  { to: "eta", label: "Estimate", icon: "eta", needs: "admin", wide: true },
  { to: "cost", label: "Cost", icon: "cost", needs: "admin", wide: true },
  { to: "doctor", label: "Doctor", icon: "doctor", needs: "admin", wide: true },
  { to: "about", label: "About", icon: "about", wide: true, gap: true },
];

export const entries = (): Entry[] => ENTRIES.filter(({ needs }) => !needs || may(needs));

/** The first part of the path: an order is under orders. */
const section = (): string => route.value.path.split("/")[0] ?? "";

function Count({ of }: { of: string }) {
  const dead = counts.data.value?.dead;
  if (of !== "dead" || !dead || dead.count === 0) return null;
  return (
    <span class="count">
      {dead.count}
      {dead.more ? "+" : ""}
      <span class="hidden-text"> dead</span>
    </span>
  );
}

function Navigation() {
  return (
    <nav class="nav" aria-label="Pages">
      <Link to="" class="brand">
        <img src={new URL("icon.svg", base).href} alt="" width="26" height="26" />
        status-offload
      </Link>
      <ul>
        {entries().map(({ to, label, icon, wide, gap }) => (
          <li key={to} class={[wide && "wide", gap && "after-gap"].filter(Boolean).join(" ")}>
            <Link to={to} aria-current={section() === to ? "page" : undefined}>
              <Icon name={icon} />
              <span class="label">{label}</span>
              <Count of={to} />
            </Link>
          </li>
        ))}
        <li class="more">
          <button type="button" onClick={() => (opened.value = () => <MoreDialog />)}>
            <Icon name="more" />
            <span class="label">More</span>
          </button>
        </li>
      </ul>
    </nav>
  );
}

function MoreDialog() {
  return (
    <Dialog title="More" onClose={closeDialog} closeLabel="Close">
      <ul class="sheet">
        {entries()
          .filter(({ wide }) => wide)
          .map(({ to, label, icon }) => (
            <li key={to}>
              <Link to={to} class="button plain">
                <Icon name={icon} />
                {label}
              </Link>
            </li>
          ))}
      </ul>
    </Dialog>
  );
}

const LIVE: Record<typeof liveState.value, string> = {
  live: "Live",
  polling: "Every 5 s",
  paused: "Paused",
  held: "Keeps still",
  late: "",
  recorded: "Recorded",
};

function LiveControl() {
  const state = liveState.value;
  const text = state === "late" ? `as of ${clock(answeredAt.value, times.value)}, reconnecting` : LIVE[state];
  const halted = paused.value;
  return (
    <button
      type="button"
      class={`button plain live ${state}`}
      aria-pressed={halted}
      aria-label={`${text}. ${halted ? "Go on" : "Pause"}`}
      title={halted ? "Go on (p)" : "Pause (p)"}
      disabled={state === "recorded"}
      onClick={() => (paused.value = !halted)}
    >
      <span class={`pulse is-${state}`} aria-hidden="true" />
      {text}
    </button>
  );
}

function Health() {
  const { data, failure } = counts;
  if (!may("admin")) return null;
  const { stores, workers } = data.value ?? {};
  const faults = [
    failure.value && (failure.value.status === 0 ? "service unreachable" : "no figures"),
    stores === "failing" && "a store fails",
    workers?.alive === 0 && "no worker",
  ].filter(Boolean);
  const text = faults.length > 0 ? faults.join(", ") : data.value ? `${workers?.alive ?? "?"} workers` : "…";
  return (
    <Link
      to="workers"
      class={`health ${faults.length > 0 ? "bad" : data.value ? "good" : ""}`}
      title="Stores, and workers seen in the last minute"
    >
      {text.replace(/^1 workers/, "1 worker")}
    </Link>
  );
}

function Bar() {
  const { environment } = session.value?.service ?? {};
  return (
    <header class="bar">
      <div class="where">
        {environment && <span class="environment">{environment}</span>}
        <Health />
      </div>
      <div class="controls">
        <LiveControl />
        <button
          type="button"
          class="button plain optional"
          title="Times: relative, local, UTC"
          aria-label={`Times: ${times.value}`}
          onClick={nextTimes}
        >
          {times.value === "utc" ? "UTC" : times.value === "local" ? "Local" : "Relative"}
        </button>
        <button
          type="button"
          class="button plain"
          title={`Theme: ${theme.value} (t)`}
          aria-label={`Theme: ${theme.value}`}
          onClick={nextTheme}
        >
          <Icon name={theme.value === "light" ? "sun" : theme.value === "dark" ? "moon" : "system"} />
        </button>
        <button type="button" class="button plain optional" title="Keys (?)" aria-label="Keys" onClick={openKeySheet}>
          <kbd aria-hidden="true">?</kbd>
        </button>
      </div>
    </header>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  useKeys({
    "?": openKeySheet,
    "g o": () => go("orders"),
    "g h": () => go(""),
    "g d": () => go("dead"),
    "g w": () => may("admin") && go("workers"),
    "g c": () => may("admin") && go("doctor"),
    n: () => may("operate") && go("new"),
    p: () => (paused.value = !paused.value),
    t: nextTheme,
    "/": () => go("orders?find"),
  });
  const path = route.value.path;
  const before = useRef(path);
  useEffect(() => {
    closeDialog();
    // Unless the page has put the focus where it was asked for.
    if (before.current !== path && !document.querySelector("#content :focus")) {
      document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    }
    before.current = path;
  }, [path]);
  useSignalEffect(() => {
    const dead = counts.data.value?.dead;
    const count = dead && dead.count > 0 ? `(${dead.count}${dead.more ? "+" : ""}) ` : "";
    const page = ENTRIES.find(({ to }) => to === section())?.label ?? "Overview";
    document.title = `${count}${page} · status-offload`;
  });
  return (
    <div class="shell">
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("h1")?.focus();
        }}
      >
        Skip to the page
      </a>
      <Navigation />
      <div class="main">
        <Bar />
        <main class="content" id="content">
          {children}
        </main>
      </div>
      {opened.value?.()}
      <Toasts />
    </div>
  );
}
