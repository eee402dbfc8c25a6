// A diagnosis as the service writes it: one finding of each severity, unless others are chosen.
const FINDINGS = [
  {
    id: "orders-without-workers",
    severity: "error",
    title: "Orders wait, and nobody works on them",
    what: "3 orders to be worked on, the oldest for 4 min; the last worker that reported was worker-1, 5 min ago",
    why: "Orders are accepted with 202, and wait until their deadline ends them.",
    fix: "Start `offload-worker`, or read its log: it says why it stopped. Of functions, turn on the event source of the queue.",
    docs: "docs/how-to/runbook.md#orders-wait-and-no-worker-reports",
  },
  {
    id: "endpoint-fails",
    severity: "warning",
    title: "Endpoints do not take their events",
    what: "https://hooks.partner.example is left alone for now (events dead-lettered in the last hour: 2)",
    why: "Clients that wait for a webhook do not learn of the end. What is dead-lettered is not sent again by itself.",
    fix: "See what the endpoint answers on the page Deliveries, ask who runs it, and replay what was dead-lettered.",
    docs: "docs/how-to/runbook.md#notifications-do-not-arrive",
  },
  {
    id: "versions-differ",
    severity: "note",
    title: "Programs of several versions run",
    what: "0.1.0: this server and 1 more; 0.0.9: worker-2",
    why: "During a deployment that is right. Otherwise a deployment stopped half way.",
    fix: "Let the deployment end, or replace what is older.",
    docs: "docs/how-to/runbook.md#a-program-does-not-answer",
  },
];

export const diagnosis = (now, findings = FINDINGS) => ({
  as_of: new Date(now).toISOString(),
  findings,
  passed: [
    { id: "store-fails", what: "S3, SQS and DynamoDB answer, and take what is written" },
    { id: "clock-skew", what: "This server's clock is right" },
  ],
  not_checked: [
    {
      id: "estimates-wrong",
      what: "Orders take longer than they are estimated to",
      why: "7 orders ended in the last hour, and 20 are needed",
    },
  ],
});
