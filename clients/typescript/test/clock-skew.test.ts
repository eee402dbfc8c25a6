import assert from "node:assert/strict";
import { test } from "node:test";

import { ORDER, pass, service, timed, window } from "./support/harness.js";

for (const minutes of [10, -10]) {
  for (const dated of [true, false]) {
    const which = `a clock that is ${minutes} min off, ${dated ? "with" : "without"} a Date`;

    test(`${which}: polls are on time`, async () => {
      const { time, client: c } = timed({ now: () => time.now() + minutes * 60_000 });
      service.dated = dated;
      service.eta = { p10: 9, p50: 12, p90: 20 };
      const receipt = await pass(time, c.submit(ORDER));
      const start = time.now();
      service.onPoll = () => time.now() - start > 15_000 && service.finish();
      await pass(time, c.wait(receipt));
      const took = (time.now() - start) / 1_000;
      assert.equal(service.polls().length, 3);
      assert.ok(took > 16.7 && took < 18.2, `10.8, 14.1, 17.5 s, and not ${took}`);
    });

    test(`${which}: a stored receipt works`, async () => {
      const { time, client: c } = timed({ now: () => time.now() + minutes * 60_000 });
      service.dated = dated;
      service.eta = { p10: 9, p50: 12, p90: 20 };
      service.object = service.status({ eta: window(time, 9, 20), poll_after_ms: 10_650 });
      const receipt = service.receipt();
      const start = time.now();
      service.onPoll = () => time.now() - start > 15_000 && service.finish();
      await pass(time, c.wait(receipt));
      const took = (time.now() - start) / 1_000;
      // Without a Date, a clock that is fast resembles an order that is late.
      const seconds = !dated && minutes > 0 ? 25 : 22;
      assert.ok(service.polls().length <= 4 && took < seconds, `${service.polls().length} polls, ${took} s`);
    });
  }
}

for (const when of ["between two polls", "during a poll"]) {
  test(`a tab that is suspended ${when} polls once when it resumes`, async () => {
    const { time, client: c } = timed();
    service.eta = { p10: 9, p50: 12, p90: 20 };
    const start = time.now();
    const receipt = service.receipt();
    const at: number[] = [];
    service.onPoll = (poll) => {
      at.push(Math.round((time.now() - start) / 1_000));
      return poll === 3 && service.finish();
    };
    const p = c.wait(receipt);
    p.catch(() => {});
    await time.run(() => service.polls().length === 1);
    if (when === "between two polls") {
      await time.idle();
    }
    time.suspend(1_000_000);
    await pass(time, p);
    const resumed = at[1]!;
    assert.ok(resumed >= 1_010 && resumed <= 1_015, `at the first timer that runs: ${at}`);
    assert.ok(
      Math.abs(at[2]! - resumed - (3.3 + (resumed - 20) / 10)) <= 1,
      `a step and a tenth of the lateness: ${at}`,
    );
    assert.equal(at.length, 3);
  });
}
