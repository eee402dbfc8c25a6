/** The chart of the estimate, by uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import type { Sample } from "../orders/sample.ts";

const HEIGHT = 320;

export function draw(box: HTMLElement, samples: readonly Sample[]): () => void {
  const style = getComputedStyle(document.documentElement);
  // A canvas does not know light-dark(): the browser resolves it on an element.
  const probe = document.createElement("i");
  box.append(probe);
  const color = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const [accent, ink, soft, line] = ["accent", "ink", "ink-soft", "line"].map(color) as [
    string,
    string,
    string,
    string,
  ];
  probe.remove();
  const font = `12px ${style.getPropertyValue("--sans")}`;
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font };
  const sorted = [...samples].sort((a, b) => a.endedAt - b.endedAt);
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.08)] } },
      axes: [
        { ...axis, label: "order, by its end", labelFont: font, incrs: [1, 2, 5, 10, 20, 50, 100] },
        { ...axis, label: "seconds after it was accepted", labelFont: font },
      ],
      series: [
        { label: "order" },
        { label: "p10", stroke: accent, width: 1, dash: [2, 3], points: { size: 3 } },
        { label: "p90", stroke: accent, width: 1, dash: [2, 3], points: { size: 3 } },
        { label: "predicted", stroke: accent, width: 2, points: { size: 4 } },
        { label: "real", stroke: ink, width: 0, paths: () => null, points: { show: true, size: 7, fill: ink } },
      ],
      bands: [{ series: [2, 1], fill: accent.replace(")", " / 0.12)").replace("rgb(", "rgb(").replace(/, /g, " ") }],
    },
    [
      sorted.map((_, index) => index + 1),
      sorted.map(({ p10 }) => p10),
      sorted.map(({ p90 }) => p90),
      sorted.map(({ predicted }) => predicted),
      sorted.map(({ real }) => real),
    ],
    box,
  );
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
  observer.observe(box);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}
