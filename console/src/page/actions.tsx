/** Bulk work: what was asked for, how far it is. */
import { may, send } from "../live/client.ts";
import { asFailure, useResource } from "../live/resource.ts";
import type { Message } from "../live/stream.ts";
import { route } from "../router.ts";
import { duration, group } from "../time.ts";
import type { Action } from "../types.ts";
import { closeDialog, Dialog, opened } from "../view/dialog.tsx";
import { Icon } from "../view/icon.tsx";
import { Link } from "../view/link.tsx";
import { Fault, Meter, Panel, shortId, Skeleton, When } from "../view/parts.tsx";
import { notify } from "../view/toast.tsx";

const TONES: Record<Action["state"], string> = {
  running: "processing",
  aborting: "warn",
  aborted: "cancelled",
  done: "completed",
};

function ActionState({ of }: { of: Action }) {
  return <span class={`state ${of.state === "done" && of.failed > 0 ? "warn" : TONES[of.state]}`}>{of.state}</span>;
}

/** Of an action, in percent. */
const ended = (of: Action): number => (of.count === 0 ? 100 : ((of.done + of.failed + of.skipped) / of.count) * 100);

export function Actions() {
  const list = useResource<{ actions: Action[] }>("admin/actions", {
    take: (message: Message) => message.event === "actions",
  });
  const actions = list.data.value?.actions;
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Actions</h1>
      </div>
      {list.failure.value && <Fault of={list.failure.value} retry={() => void list.load()} stale={!!actions} />}
      {!actions && !list.failure.value && <Skeleton rows={4} />}
      {actions?.length === 0 && (
        <div class="panel empty">
          <h2>No action yet</h2>
          <p>
            Redrive, purge or cancel all orders that match a filter. It begins with a rehearsal, can be aborted, and
            goes on after a restart.
          </p>
          <Link class="button" to="dead">
            Dead letters
          </Link>
        </div>
      )}
      {actions && actions.length > 0 && (
        <div
          class={`panel scroller ${list.failure.value ? "stale" : ""}`}
          tabIndex={0}
          role="region"
          aria-label="Actions"
        >
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Action</th>
                <th scope="col">State</th>
                <th scope="col" class="wide">
                  Filter
                </th>
                <th scope="col">Progress</th>
                <th scope="col" class="number wide">
                  Failed
                </th>
                <th scope="col" class="number wide">
                  Skipped
                </th>
                <th scope="col" class="wide">
                  By
                </th>
                <th scope="col" class="wide">
                  Begun
                </th>
              </tr>
            </thead>
            <tbody>
              {actions.map((one) => (
                <tr key={one.id}>
                  <td>
                    <Link to={`actions/${one.id}`}>
                      {one.verb} …{shortId(one.id)}
                    </Link>
                  </td>
                  <td>
                    <ActionState of={one} />
                  </td>
                  <td class="wide wraps">
                    <code>{one.filter}</code>
                  </td>
                  <td>
                    <span class="row">
                      <Meter percent={ended(one)} /> {group(one.done)} of {group(one.count)}
                    </span>
                  </td>
                  <td class="number wide">{group(one.failed)}</td>
                  <td class="number wide">{group(one.skipped)}</td>
                  <td class="wide">{one.by}</td>
                  <td class="wide">
                    <When at={one.created_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

export function ActionPage() {
  const id = route.value.path.split("/")[1] ?? "";
  const found = useResource<Action>(`admin/actions/${encodeURIComponent(id)}`, {
    take: (message: Message, { data, put }) => {
      if (message.event !== "actions") return false;
      const next = message.data.actions.find((one) => one.id === id);
      if (next && next.revision >= (data.peek()?.revision ?? 0)) put(next);
      return false;
    },
  });
  const action = found.data.value;
  const runs = action?.state === "running";
  return (
    <>
      <div class="heading">
        <Link to="actions" class="button plain small" aria-label="Actions">
          <Icon name="back" />
        </Link>
        <h1 tabIndex={-1}>
          {action ? action.verb[0]?.toUpperCase() + action.verb.slice(1) : "Action"}{" "}
          <code class="soft">…{shortId(id)}</code>
        </h1>
        {action && <ActionState of={action} />}
        {runs && may("operate") && (
          <button
            type="button"
            class="button danger spread"
            onClick={() => (opened.value = () => <AbortDialog of={action} done={() => void found.load()} />)}
          >
            Abort
          </button>
        )}
      </div>
      {found.failure.value && <Fault of={found.failure.value} retry={() => void found.load()} stale={!!action} />}
      {!action && !found.failure.value && <Skeleton rows={4} />}
      {action && <Report of={action} />}
    </>
  );
}

function AbortDialog({ of, done }: { of: Action; done: () => void }) {
  const abort = async (): Promise<void> => {
    closeDialog();
    try {
      await send("DELETE", `admin/actions/${of.id}`);
      notify("The action stops");
    } catch (error) {
      notify(asFailure(error).problem.title);
    }
    done();
  };
  return (
    <Dialog
      title="Abort this action?"
      onClose={closeDialog}
      closeLabel="Let it go on"
      confirm={{ label: "Abort", run: () => void abort(), danger: true }}
    >
      <p>
        {group(of.done)} of {group(of.count)} orders are done, and stay as they are. The rest is left alone.
      </p>
    </Dialog>
  );
}

function Report({ of }: { of: Action }) {
  const tried = of.done + of.failed + of.skipped;
  const rest = Math.max(0, of.count - tried);
  return (
    <div class="stack">
      <section class="panel">
        <div class="inner stack">
          <p class="headline">
            {group(tried)} of {group(of.count)}
          </p>
          <Meter percent={ended(of)} wide />
          <dl class="score">
            <div>
              <dt>done</dt>
              <dd>{group(of.done)}</dd>
            </div>
            <div>
              <dt>failed</dt>
              <dd>{group(of.failed)}</dd>
            </div>
            <div>
              <dt>skipped, they had changed</dt>
              <dd>{group(of.skipped)}</dd>
            </div>
            <div>
              <dt>{of.state === "running" ? "left" : "not done"}</dt>
              <dd>{group(rest)}</dd>
            </div>
          </dl>
          <dl class="facts">
            <dt>Filter</dt>
            <dd>
              <code>{of.filter}</code>
            </dd>
            <dt>By</dt>
            <dd>
              {of.by}
              {of.tenant && `, for ${of.tenant}`}
            </dd>
            <dt>Begun</dt>
            <dd>
              <When at={of.created_at} />
            </dd>
            <dt>Rate</dt>
            <dd>
              {of.rate} a second
              {of.state === "running" && rest > 0 && `, about ${duration((rest / of.rate) * 1_000)} left`}
            </dd>
            {of.finished_at && (
              <>
                <dt>Ended</dt>
                <dd>
                  <When at={of.finished_at} />, after {duration(Date.parse(of.finished_at) - Date.parse(of.created_at))}
                </dd>
              </>
            )}
            <dt>As a command</dt>
            <dd>
              <code>offload actions show {of.id}</code>
            </dd>
          </dl>
        </div>
      </section>
      <Lines title="Failed" of={of.failures} />
      <Lines title="Skipped" of={of.skips} />
    </div>
  );
}

function Lines({ title, of }: { title: string; of: { id: string; why: string }[] }) {
  if (of.length === 0) return null;
  return (
    <Panel title={title} aside={<span class="soft">the last {of.length}</span>}>
      <ul class="inner lines">
        {of.map(({ id, why }) => (
          <li key={id}>
            <Link to={`orders/${id}`}>
              <code>{id}</code>
            </Link>{" "}
            {why}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
