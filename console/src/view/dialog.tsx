/** A dialog of the browser: it keeps the focus, and gives it back. While it is open the page keeps still. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { holds } from "../live/stream.ts";

interface DialogProps {
  title: string;
  onClose: () => void;
  /** Runs on mod+enter and the button; without it there is none. */
  confirm?: { label: string; run: () => void; danger?: boolean; disabled?: boolean } | undefined;
  closeLabel?: string;
  children: ComponentChildren;
}

export const MOD = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

export function Dialog({ title, onClose, confirm, closeLabel = "Cancel", children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    holds.value += 1;
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      holds.value -= 1;
      element.current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const run = (): void => {
    if (confirm && !confirm.disabled) confirm.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      run();
    }
  };
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <h2 id={id}>{title}</h2>
        {children}
        <footer>
          <button type="button" class="button" onClick={onClose}>
            {closeLabel}
          </button>
          {confirm && (
            <button type="submit" class={`button ${confirm.danger ? "danger" : "primary"}`} disabled={confirm.disabled}>
              {confirm.label}
              <span aria-hidden="true" class="soft-on">
                {MOD}+↵
              </span>
            </button>
          )}
        </footer>
      </form>
    </dialog>
  );
}

/** The dialog that is open, if any: one at a time. */
export const opened = signal<(() => ComponentChildren) | null>(null);
export const closeDialog = (): void => void (opened.value = null);
