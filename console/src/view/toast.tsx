/** One line of what was done, for those who see the page and those who do not. */
import { signal } from "@preact/signals";

const STAY_MS = 5_000;
const messages = signal<readonly { id: number; text: string }[]>([]);
let last = 0;

export function notify(text: string): void {
  const id = (last += 1);
  messages.value = [...messages.value.slice(-2), { id, text }];
  setTimeout(() => (messages.value = messages.value.filter((one) => one.id !== id)), STAY_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {messages.value.map(({ id, text }) => (
        <div key={id} class="toast">
          {text}
        </div>
      ))}
    </div>
  );
}
