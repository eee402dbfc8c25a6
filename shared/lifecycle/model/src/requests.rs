//! What the api does: a request for an order, and one to cancel it.

use offload_domain::status::Status;

use crate::{
    protocol::{Guard, Out, Protocol},
    stores::{Published, Put, Stored},
    world::{Accepted, Answer, Api, Canceller, Created, Due, Fault, Object, Publishing, What, World},
};

impl Protocol {
    /// `acceptance::accept`. The order that request `i` makes, if it makes one, is order `i`.
    pub(crate) fn api(&self, world: &World, i: usize, out: &mut Out<'_>) {
        let own = u8::try_from(i).unwrap_or(0);
        let api = world.apis[i];
        if api == Api::Find && i > 0 && !self.setting.race && world.apis[i - 1] != Api::Done {
            return;
        }
        if !matches!(api, Api::Done | Api::Find | Api::Place { row: None, object: None })
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            let mut w = world.left(faults);
            w.apis[i] = Api::Done;
            out.how("dies", "fault", w);
        }
        let then = |w: World, next: Api| {
            let mut w = w;
            w.apis[i] = next;
            w
        };
        let failing = |fault| world.faults.after(fault).map(|faults| self.refuse(world.left(faults), i));
        match api {
            Api::Done => {}
            Api::Find => {
                let next = world.key.map_or(Api::Place { row: None, object: None }, |order| Api::Resume { order });
                out.step("looks the key up", then(*world, next));
                failing(Fault::Table).into_iter().for_each(|w| out.how("looks the key up", "fails", w));
            }
            Api::Place { row, object } => {
                if row.is_none() {
                    for (w, row, how) in self.accept(world, own) {
                        out.how("writes the order", how, self.placed(w, i, Some(row), object));
                    }
                }
                if object.is_none() {
                    for (w, put, how) in self.put(world, own, Object::PENDING, None) {
                        out.how("writes the pending object", how, self.placed(w, i, row, Some(created(put))));
                    }
                }
            }
            Api::Resume { order } => {
                let Some(row) = world.row(order) else {
                    let mut w = then(*world, Api::Done);
                    w.answers[i] = Answer::Gone;
                    out.step("finds the key's order gone", w);
                    return;
                };
                let send = row.due == Due::Send && !row.stand.is_final();
                let next = match (row.stand.revision, send) {
                    (1, _) => Api::Recreate { order, send },
                    (_, true) => self.enqueue(order, false),
                    (_, false) => Api::Answer { order },
                };
                out.step("reads the key's order", then(*world, next));
                failing(Fault::Table).into_iter().for_each(|w| out.how("reads the key's order", "fails", w));
            }
            Api::Recreate { order, send } => {
                for (w, put, how) in self.put(world, order, Object::PENDING, None) {
                    let w = match created(put) {
                        Created::Etag(etag) if send => then(w, self.enqueue(order, etag)),
                        Created::Etag(_) => then(w, Api::Answer { order }),
                        Created::Failed => self.refuse(w, i),
                    };
                    out.how("writes the pending object if there is none", how, w);
                }
            }
            Api::Send { order, etag } => {
                for (w, sent, how) in Self::send(world, order, etag) {
                    let w = if sent.is_ok() { then(w, Api::Answer { order }) } else { self.refuse(w, i) };
                    out.how("sends the message", how, w);
                }
            }
            Api::Answer { order } => {
                // Also where the order was marked already: the condition on the mark makes that no difference.
                let mark = self.has(Guard::MarkAfterSend);
                let mut w = then(*world, if mark { Api::Mark { order, then_send: None } } else { Api::Done });
                w.answers[i] = Answer::Accepted(order);
                out.step("answers 202", w);
            }
            Api::Mark { order, then_send } => {
                let next = then_send.map_or(Api::Done, |etag| Api::Send { order, etag });
                for (w, _, how) in Self::call(world, Fault::Table, |w| self.mark(w, order)) {
                    out.how("takes the order out of the outbox", how, then(w, next));
                }
            }
            Api::Withdraw => {
                let withdraw = |w: &mut World| {
                    let unclaimed = |due, revision| due == Due::Send && revision == 1;
                    let guarded = self.has(Guard::WithdrawUnclaimed);
                    if w.row(own).is_some_and(|r| !guarded || unclaimed(r.due, r.stand.revision)) {
                        *w.row_mut(own) = None;
                    }
                };
                for (w, _, how) in Self::call(world, Fault::Table, withdraw) {
                    out.how("withdraws the order", how, then(w, Api::Done));
                }
            }
        }
    }

    /// `OrderTable::accept`: key and order in one transaction.
    fn accept(&self, world: &World, own: u8) -> Vec<(World, Accepted, &'static str)> {
        let keyed = self.setting.keyed;
        if let Some(order) = world.key.filter(|_| keyed && self.has(Guard::KeyIsNew)) {
            return vec![(*world, Accepted::Exists(order), "the key is there")];
        }
        let write = |w: &mut World| {
            *w.row_mut(own) = Some(self.new_row());
            w.key = if keyed { Some(own) } else { None };
        };
        let outcomes = Self::call(world, Fault::Table, write).into_iter();
        outcomes.map(|(w, done, how)| (w, done.map_or(Accepted::Failed, |()| Accepted::New), how)).collect()
    }

    /// What follows once the table and S3 have both answered.
    fn placed(&self, mut world: World, i: usize, row: Option<Accepted>, object: Option<Created>) -> World {
        let own = u8::try_from(i).unwrap_or(0);
        world.apis[i] = match (row, object) {
            (Some(Accepted::Exists(order)), Some(_)) => Api::Resume { order },
            (Some(Accepted::New), Some(Created::Etag(etag))) => self.enqueue(own, etag),
            (Some(_), Some(_)) => return self.refuse(world, i),
            (row, object) => Api::Place { row, object },
        };
        world
    }

    fn enqueue(&self, order: u8, etag: bool) -> Api {
        match self.has(Guard::MarkAfterSend) {
            true => Api::Send { order, etag },
            false => Api::Mark { order, then_send: Some(etag) },
        }
    }

    /// 503. An order without a key is taken back.
    fn refuse(&self, mut world: World, i: usize) -> World {
        world.answers[i] = Answer::Unavailable;
        world.apis[i] = if self.setting.keyed { Api::Done } else { Api::Withdraw };
        world
    }

    /// `cancel_order::cancel`, by a client that has 202.
    pub(crate) fn canceller(&self, world: &World, out: &mut Out<'_>) {
        let then = |w: World, canceller| World { canceller, ..w };
        if !matches!(world.canceller, Canceller::Waiting | Canceller::Done)
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", World { faults, canceller: Canceller::Done, ..*world });
        }
        match world.canceller {
            Canceller::Done => {}
            Canceller::Waiting => {
                let accepted = world.answers.iter().find_map(|a| match a {
                    Answer::Accepted(order) => Some(*order),
                    _ => None,
                });
                if let Some(order) = accepted {
                    let next = world.row(order).map(|r| decided(order, r.stand));
                    out.step("reads the order", then(*world, next.unwrap_or(Canceller::Done)));
                }
            }
            Canceller::Decide { order, stand } if stand.stage.0 == Status::Processing => {
                // On the condition that the order has not ended; the answer says how it ended.
                let ended = world.row(order).map(|r| r.stand).filter(|s| s.is_final());
                let flag = |w: &mut World| {
                    w.row_mut(order).iter_mut().filter(|r| !r.stand.is_final()).for_each(|r| r.cancel = true);
                };
                for (w, _, how) in Self::call(world, Fault::Table, flag) {
                    let next = ended.map_or(Canceller::Done, |s| decided(order, s));
                    out.how("asks the order's worker to cancel", how, then(w, next));
                }
            }
            Canceller::Decide { order, stand } => {
                let Some(cancelled) = self.apply(stand, What::Cancel) else { return };
                for (w, stored, how) in self.store(world, order, cancelled, None, false) {
                    let next = match stored {
                        Stored::Done(row) => decided(order, row.stand),
                        Stored::Changed(Some(row)) => decided(order, row.stand),
                        Stored::Changed(None) | Stored::Failed(_) => Canceller::Done,
                    };
                    out.how("cancels the order", how, then(w, next));
                }
            }
            Canceller::Publish(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(p) => Canceller::Publish(p),
                        Published::Written | Published::NotOlder => Canceller::Done,
                        Published::Failed => Canceller::Send { order: publishing.order },
                    };
                    out.how("shows that the order is cancelled", how, then(w, next));
                }
            }
            Canceller::Send { order } => {
                for (w, _, how) in Self::send(world, order, false) {
                    out.how("leaves a message to have it shown", how, then(w, Canceller::Done));
                }
            }
        }
    }
}

/// What a request to cancel does with an order that stands like this.
fn decided(order: u8, stand: crate::world::Stand) -> Canceller {
    match stand.stage.0 {
        Status::Completed | Status::Failed => Canceller::Done,
        Status::Cancelled => Canceller::Publish(Publishing::new(order, stand.object(), None)),
        Status::Pending | Status::Processing => Canceller::Decide { order, stand },
    }
}

fn created(put: Put) -> Created {
    match put {
        Put::Done => Created::Etag(true),
        Put::Conflict => Created::Etag(false),
        Put::Failed => Created::Failed,
    }
}
