/** An order in the words of a client. Without a token: the page has none that it may give away. */
import { session } from "../live/client.ts";
import type { OrderDetail } from "../types.ts";

export function snippets(order: OrderDetail): { name: string; text: string }[] {
  const api = session.value?.service.api ?? "";
  const url = order.status_url;
  return [
    {
      name: "curl",
      text: url
        ? `# works until ${order.status_url_expires_at ?? "it expires"}\ncurl -s '${url}'`
        : `curl -s '${api}/order/${order.id}' -H "offload-token: $TOKEN"`,
    },
    { name: "the command", text: `offload orders show ${order.id}` },
    {
      name: "TypeScript",
      text: [
        'import { OffloadClient } from "offload-client";',
        "",
        `const client = new OffloadClient({ api: ${JSON.stringify(api)} });`,
        `const final = await client.wait({ id: ${JSON.stringify(order.id)}, order_token: process.env.TOKEN });`,
        "console.log(final.status, final.result);",
      ].join("\n"),
    },
  ];
}
