/** Asks for the console's key. It becomes a cookie that no script can read. */
import { useState } from "preact/hooks";

import { type Failure, send, session } from "../live/client.ts";
import { asFailure } from "../live/resource.ts";
import { base } from "../router.ts";
import type { Session } from "../types.ts";
import { Fault } from "../view/parts.tsx";

export function KeyForm() {
  const [key, setKey] = useState("");
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  const enter = async (): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      session.value = await send<Session>("POST", "admin/session", { key });
    } catch (error) {
      setFailure(asFailure(error));
    }
    setBusy(false);
  };
  return (
    <main class="door">
      <form
        class="panel inner stack"
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        <span class="brand">
          <img src={new URL("icon.svg", base).href} alt="" width="26" height="26" />
          status-offload
        </span>
        <h1 tabIndex={-1}>This console needs its key</h1>
        <label class="field">
          <span>Key</span>
          <input
            class="input"
            type="password"
            name="key"
            autocomplete="current-password"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
          <span class="hint">
            The value of <code>OFFLOAD_CONSOLE_KEY</code>, or the key of an operator.
          </span>
        </label>
        {failure && <Fault of={failure} />}
        <p>
          <button type="submit" class="button primary" disabled={busy || key === ""}>
            Enter
          </button>
        </p>
      </form>
    </main>
  );
}
