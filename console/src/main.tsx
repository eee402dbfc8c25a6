import { render } from "preact";

import { KeyForm } from "./page/key-form.tsx";
import { About } from "./page/about.tsx";
import { ActionPage, Actions } from "./page/actions.tsx";
import { CostPage } from "./page/cost.tsx";
import { Dead } from "./page/dead.tsx";
import { DeliveriesPage } from "./page/deliveries.tsx";
import { DoctorPage } from "./page/doctor.tsx";
import { EtaPage } from "./page/eta.tsx";
import { NewOrder } from "./page/new.tsx";
import { OrderPage } from "./page/order.tsx";
import { Orders } from "./page/orders.tsx";
import { Overview } from "./page/overview.tsx";
import { WorkersPage } from "./page/workers.tsx";
import { read, session } from "./live/client.ts";
import { startCounts } from "./live/counts.ts";
import { startSamples } from "./live/ended.ts";
import { asFailure } from "./live/resource.ts";
import { startLive } from "./live/stream.ts";
import { route } from "./router.ts";
import { entries, ENTRIES, Shell } from "./shell/shell.tsx";
import type { Session } from "./types.ts";
import { Link } from "./view/link.tsx";
import { Fault, Skeleton } from "./view/parts.tsx";
import { signal } from "@preact/signals";
import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/shell.css";
import "./style/table.css";
import "./style/pages.css";

const failure = signal<ReturnType<typeof asFailure> | undefined>(undefined);

function Page() {
  const [section = "", inner] = route.value.path.split("/");
  const known = ENTRIES.find(({ to }) => to === section);
  if (!known) return <Missing />;
  if (!entries().includes(known)) return <Missing forbidden />;
  switch (section) {
    case "":
      return <Overview />;
    case "orders":
      return inner ? <OrderPage key={inner} /> : <Orders />;
    case "new":
      return <NewOrder />;
    case "dead":
      return <Dead />;
    case "actions":
      return inner ? <ActionPage key={inner} /> : <Actions />;
    case "deliveries":
      return <DeliveriesPage />;
    case "workers":
      return <WorkersPage />;
    case "eta":
      return <EtaPage />;
    case "cost":
      return <CostPage />;
    case "doctor":
      return <DoctorPage />;
    default:
      return <About />;
  }
}

function Missing({ forbidden }: { forbidden?: boolean }) {
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>{forbidden ? "Not for your role" : "No such page"}</h1>
      </div>
      <p>
        {forbidden ? "This page needs a role that you do not have. " : ""}
        <Link to="">Overview</Link>
      </p>
    </>
  );
}

function App() {
  if (session.value === null) return <KeyForm />;
  if (session.value === undefined) {
    return (
      <main class="door">{failure.value ? <Fault of={failure.value} retry={() => void begin()} /> : <Skeleton />}</main>
    );
  }
  return (
    <Shell>
      <Page />
    </Shell>
  );
}

async function begin(): Promise<void> {
  try {
    session.value = await read<Session>("admin/session");
    failure.value = undefined;
  } catch (error) {
    failure.value = asFailure(error);
  }
}

startLive();
startSamples();
startCounts();
void begin();
render(<App />, document.getElementById("app") as HTMLElement);
