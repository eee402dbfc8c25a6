/** Drawn on a grid of 20, strokes alone. */
const PATHS = {
  overview: "M3 10.5 10 4l7 6.5M5 9v7.5h10V9",
  orders: "M3.5 5h13M3.5 10h13M3.5 15h8",
  add: "M10 4v12M4 10h12",
  dead: "M10 3 2.5 16.5h15zM10 8.5v3.5M10 14.3v.1",
  actions: "M4 6h8M4 10h8M4 14h5M13.5 13.5l1.5 1.5 2.5-3",
  deliveries: "M3 10h11M10 5.5 14.5 10 10 14.5M17.5 4v12",
  workers: "M4 4.5h12v4.5H4zM4 11h12v4.5H4zM7 6.8v.1M7 13.3v.1",
  eta: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6v4.2l2.8 1.7",
  doctor: "M3 10.5h3.5L8.5 5l3.5 10 2-4.5h3",
  about: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 9.2v4.3M10 6.5v.1",
  more: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  pause: "M7 5v10M13 5v10",
  play: "M6.5 4.5v11l9-5.5z",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  check: "m4 10.5 4 4 8-9",
  close: "m5 5 10 10M15 5 5 15",
  sun: "M10 6.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4zM10 2.5v1.5M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M4.7 15.3l1-1M14.3 5.7l1-1",
  moon: "M16 12.2A6.7 6.7 0 0 1 7.8 4a6.7 6.7 0 1 0 8.2 8.2z",
  system: "M3 4.5h14v9H3zM7 16.5h6",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4",
  redrive: "M4 10a6 6 0 1 1 1.8 4.3M4 15v-4.5h4.5",
  back: "M12.5 4.5 7 10l5.5 5.5",
  cost: "M14 6.5C13.3 5 11.8 4.5 10 4.5c-2.2 0-3.8 1-3.8 2.7 0 4 8 1.6 8 5.6 0 1.7-1.7 2.7-4.2 2.7-2 0-3.6-.7-4.2-2.3M10 2.5v15",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
