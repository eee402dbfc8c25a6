import { closeDialog, Dialog, MOD, opened } from "../view/dialog.tsx";

const SHEET: [string, string[]][] = [
  ["Search orders", ["/"]],
  ["Overview, orders, dead letters", ["g h", "g o", "g d"]],
  ["Workers, doctor", ["g w", "g c"]],
  ["New order", ["n"]],
  ["Next, previous row; open it", ["j", "k", "Enter"]],
  ["Select the row", ["x"]],
  ["Cancel", ["c"]],
  ["Redrive", ["r"]],
  ["Edit and place again", ["e"]],
  ["Copy the id", ["y"]],
  ["Confirm in a dialog", [`${MOD}+Enter`]],
  ["Close, or clear the selection", ["Esc"]],
  ["Pause, go on", ["p"]],
  ["Theme", ["t"]],
  ["This sheet", ["?"]],
];

export function openKeySheet(): void {
  opened.value = () => (
    <Dialog title="Keys" onClose={closeDialog} closeLabel="Close">
      <dl class="keys">
        {SHEET.map(([what, keys]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.map((key) => (
                <span key={key} class="chord">
                  {key.split(" ").map((part) => (
                    <kbd>{part}</kbd>
                  ))}
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <p class="soft">
        Keys are off while a field has the focus. None acts by itself: what changes an order opens a dialog.
      </p>
    </Dialog>
  );
}
