import { send, session } from "../live/client.ts";
import { nextTheme, nextTimes, theme, times } from "../preferences.ts";
import { Panel, When } from "../view/parts.tsx";

export function About() {
  const who = session.value;
  if (!who) return null;
  const { service } = who;
  const leave = async (): Promise<void> => {
    await send("DELETE", "admin/session").catch(() => undefined);
    session.value = null;
  };
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>About</h1>
      </div>
      <div class="halves">
        <Panel title="This service">
          <dl class="facts inner">
            <dt>Version</dt>
            <dd>{service.version}</dd>
            <dt>Environment</dt>
            <dd>{service.environment ?? "not named: set OFFLOAD_ENVIRONMENT"}</dd>
            <dt>API</dt>
            <dd>
              <code>{service.api}</code>
            </dd>
            <dt>Status objects</dt>
            <dd>{service.statuses ? <code>{service.statuses}</code> : "by credentials"}</dd>
            <dt>Push</dt>
            <dd>{service.has_push ? "server-sent events, WebSockets, long polls" : "off"}</dd>
            <dt>Webhooks</dt>
            <dd>{service.has_webhooks ? "on" : "off"}</dd>
            <dt>Documentation</dt>
            <dd class="row">
              <a href={new URL("docs", document.baseURI).href}>HTTP API</a>{" "}
              <a href={new URL("openapi.json", document.baseURI).href}>OpenAPI</a>
            </dd>
          </dl>
        </Panel>
        <Panel title="You">
          <div class="inner stack">
            <dl class="facts">
              <dt>Name</dt>
              <dd>{who.name}</dd>
              <dt>Roles</dt>
              <dd>{who.roles.join(", ")}</dd>
              <dt>Tenant</dt>
              <dd>{who.tenant ?? "all"}</dd>
              <dt>Known by</dt>
              <dd>
                {who.by === "open"
                  ? "nothing: the console is open on this machine"
                  : who.by === "cookie"
                    ? "the console's key"
                    : "a credential"}
                {who.expires_at && (
                  <>
                    , until <When at={who.expires_at} />
                  </>
                )}
              </dd>
            </dl>
            <div class="row">
              <button type="button" class="button" onClick={nextTheme}>
                Theme: {theme.value}
              </button>
              <button type="button" class="button" onClick={nextTimes}>
                Times: {times.value}
              </button>
              {who.by === "cookie" && (
                <button type="button" class="button" onClick={() => void leave()}>
                  Sign out
                </button>
              )}
            </div>
          </div>
        </Panel>
      </div>
    </>
  );
}
