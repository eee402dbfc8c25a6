import type { ComponentChildren, JSX } from "preact";

import { go, href } from "../router.ts";

type Rest = Omit<JSX.IntrinsicElements["a"], "href" | "children" | "role">;

/** A link within the page. A click with a modifier is the browser's, as everywhere. */
export function Link({ to, children, ...rest }: { to: string; children: ComponentChildren } & Rest) {
  const onClick = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={href(to)} onClick={onClick}>
      {children}
    </a>
  );
}
