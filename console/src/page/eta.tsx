/** How good the estimate is: what was predicted when an order came, and when it really ended. */
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";

import { counts } from "../live/counts.ts";
import { samples } from "../live/ended.ts";
import { coverage, type Sample } from "../orders/sample.ts";
import { Link } from "../view/link.tsx";
import { duration, group } from "../time.ts";
import { Panel, shortId } from "../view/parts.tsx";

export function EtaPage() {
  const all = samples.value;
  const share = coverage(all);
  const whole = counts.data.value?.before_p90;
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Estimate</h1>
        <span class="soft">predicted when the order came, against its end</span>
      </div>
      <ul class="tiles second">
        <Share name="Ended before p10" of={share?.p10} exact={10} />
        <Share name="Ended before p50" of={share?.p50} exact={50} />
        <Share name="Ended before p90" of={share?.p90} exact={90} />
        <li class="tile">
          <h2>Before p90, whole service</h2>
          <p class="figure">{whole ? `${Math.round(whole.share * 100)} %` : "–"}</p>
          <p class="soft about">{whole ? `of ${group(whole.orders)} orders` : "No order has ended yet."}</p>
        </li>
      </ul>
      {all.length === 0 ? (
        <div class="panel empty">
          <h2>No order has ended since this page was opened</h2>
          <p>
            The first three figures and the chart are of orders that come and end while the console is open, in any of
            its pages. Leave it open, or place an order.
          </p>
          <Link class="button" to="new">
            Place an order
          </Link>
        </div>
      ) : (
        <>
          <Panel
            title="Predicted and real"
            aside={<span class="soft">{group(all.length)} orders, since this page was opened</span>}
          >
            <div class="inner">
              <Chart />
            </div>
          </Panel>
          <Panel title="The last ones">
            <div class="scroller" tabIndex={0} role="region" aria-label="The last orders">
              <table class="plain-table">
                <thead>
                  <tr>
                    <th scope="col">Order</th>
                    <th scope="col" class="number">
                      p10
                    </th>
                    <th scope="col" class="number">
                      Predicted
                    </th>
                    <th scope="col" class="number">
                      p90
                    </th>
                    <th scope="col" class="number">
                      Real
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {all
                    .slice(-20)
                    .reverse()
                    .map((one) => (
                      <Line key={one.id} of={one} />
                    ))}
                </tbody>
              </table>
            </div>
          </Panel>
        </>
      )}
    </>
  );
}

function Line({ of }: { of: Sample }) {
  const seconds = (value: number): string => duration(value * 1_000);
  return (
    <tr>
      <td>
        <Link to={`orders/${of.id}`}>
          {of.kind} <code>…{shortId(of.id)}</code>
        </Link>
      </td>
      <td class="number">{seconds(of.p10)}</td>
      <td class="number">{seconds(of.predicted)}</td>
      <td class="number">{seconds(of.p90)}</td>
      <td class="number">
        <b class={of.real > of.p90 ? "fault" : ""}>{seconds(of.real)}</b>
      </td>
    </tr>
  );
}

function Share({ name, of, exact }: { name: string; of: number | undefined; exact: number }) {
  return (
    <li class="tile">
      <h2>{name}</h2>
      <p class="figure">{of === undefined ? "–" : `${Math.round(of * 100)} %`}</p>
      <p class="soft about">{exact} % would be exact</p>
    </li>
  );
}

/** Loaded when it is needed: the library is half of the page's weight. */
function Chart() {
  const box = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const all = samples.value;
    let left = false;
    let stop: (() => void) | undefined;
    void import("./eta-chart.ts").then(({ draw }) => {
      if (!left && box.current) stop = draw(box.current, all);
    });
    return () => {
      left = true;
      stop?.();
    };
  });
  return (
    <div
      ref={box}
      class="chart"
      role="img"
      aria-label="For each order: the window that was predicted, the median, and when it ended"
    />
  );
}
