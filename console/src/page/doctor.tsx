/** What is wrong with the service as it runs, and what to do. */
import { recorded } from "../live/recorded.ts";
import { useResource } from "../live/resource.ts";
import type { Diagnosis, Finding } from "../types.ts";
import { Link } from "../view/link.tsx";
import { Fault, Panel, Skeleton, When } from "../view/parts.tsx";

/** The server asks its stores for each: less often than for a list. */
const EVERY_MS = 10_000;

const SEVERITIES: Record<Finding["severity"], string> = { error: "failed", warning: "warn", note: "pending" };

/** Where the console has more of a finding. */
const PAGES: Record<string, [string, string]> = {
  "orders-without-workers": ["workers", "Workers"],
  "order-over-deadline": ["orders", "Orders"],
  "sweeper-stopped": ["orders", "Orders"],
  "worker-lost": ["workers", "Workers"],
  "dead-letters-grew": ["dead", "Dead letters"],
  "orders-fail": ["orders?q=state%3Afailed", "Failed orders"],
  "endpoint-fails": ["deliveries", "Deliveries"],
  "estimates-wrong": ["eta", "Estimate"],
  "versions-differ": ["workers", "Workers"],
};

export function DoctorPage() {
  const asked = useResource<Diagnosis>("admin/doctor", { every: EVERY_MS });
  const failure = asked.failure.value;
  const body = asked.data.value;
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Doctor</h1>
        {body && (
          <span class="soft">
            as of <When at={body.as_of} />
          </span>
        )}
        <button type="button" class="button spread" disabled={asked.busy.value} onClick={() => void asked.load()}>
          Examine again
        </button>
      </div>
      {failure && <Fault of={failure} retry={() => void asked.load()} stale={!!body} />}
      {!body && !failure && <Skeleton rows={4} />}
      {body && (
        <div class={failure ? "stack stale" : "stack"}>
          <p class="headline" role="status">
            {body.findings.length === 0
              ? body.not_checked.length === 0
                ? "Nothing is wrong"
                : "Nothing is wrong in what could be checked"
              : body.findings.length === 1
                ? "1 finding"
                : `${body.findings.length} findings`}
          </p>
          {body.findings.map((finding) => (
            <Found key={finding.id} of={finding} />
          ))}
          <div class="halves">
            {body.not_checked.length > 0 && (
              <Panel title={`Not checked: ${body.not_checked.length}`}>
                <dl class="inner lines">
                  {body.not_checked.map(({ id, what, why }) => (
                    <div key={id}>
                      <dt>{what}?</dt>
                      <dd class="soft">{why}</dd>
                    </div>
                  ))}
                </dl>
              </Panel>
            )}
            {body.passed.length > 0 && (
              <Panel title={`In order: ${body.passed.length}`}>
                <ul class="inner lines">
                  {body.passed.map(({ id, what }) => (
                    <li key={id}>{what}</li>
                  ))}
                </ul>
              </Panel>
            )}
          </div>
          <p class="soft">
            This is how the service fares. How its deployment is set up, <code>offload doctor</code> checks in a
            terminal.
          </p>
        </div>
      )}
    </>
  );
}

function Found({ of: { id, severity, title, what, why, fix, docs } }: { of: Finding }) {
  const [to, label] = PAGES[id] ?? [];
  return (
    <section class="panel finding" aria-labelledby={id}>
      <header>
        <span class={`state ${SEVERITIES[severity]}`}>{severity}</span>
        <h2 id={id}>{title}</h2>
        {to && (
          <Link class="spread" to={to}>
            {label}
          </Link>
        )}
      </header>
      <dl class="facts inner">
        <dt>Found</dt>
        <dd>{what}</dd>
        <dt>Why it matters</dt>
        <dd>
          <Words of={why} />
        </dd>
        <dt>What to do</dt>
        <dd>
          <Words of={fix} />
        </dd>
        <dt>More</dt>
        <dd>
          <Runbook at={docs} />
        </dd>
        <dt>Id</dt>
        <dd>
          <code>{id}</code>
        </dd>
      </dl>
    </section>
  );
}

/** A text in which names are between backticks. */
function Words({ of }: { of: string }) {
  return <>{of.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}</>;
}

/** A page of the documentation, which is wherever its operator keeps it: the demo is inside of it. */
function Runbook({ at }: { at: string }) {
  if (!recorded) return <code>{at}</code>;
  const page = at.replace(/^docs\//, "../").replace(/\.md(#|$)/, ".html$1");
  return <a href={new URL(page, document.baseURI).href}>The runbook</a>;
}
