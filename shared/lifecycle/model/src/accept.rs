//! Accept, resume, enqueue and withdraw: a request for an order, `lifecycle::accept`.

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::Put,
    world::{Accepted, Answer, Api, Created, Due, Fault, Object, World},
};

impl Protocol {
    /// `acceptance::accept`. The order that request `i` makes, if it makes one, is order `i`.
    pub(crate) fn api(&self, world: &World, i: usize, out: &mut Out<'_>) {
        let own = u8::try_from(i).unwrap_or(0);
        let api = world.apis[i];
        if api == Api::Find && i > 0 && !self.setting.race && world.apis[i - 1] != Api::Done {
            return;
        }
        if !matches!(api, Api::Done | Api::Find | Api::Write { row: None, object: None })
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
                let next = world.key.map_or(Api::Write { row: None, object: None }, |order| Api::Resume { order });
                out.call(call::FIND_KEY, "looks up the key", "", then(*world, next));
                failing(Fault::Table)
                    .into_iter()
                    .for_each(|w| out.call(call::FIND_KEY, "looks up the key", "fails", w));
            }
            Api::Write { row, object } => {
                if row.is_none() {
                    for (w, row, how) in self.accept(world, own) {
                        out.call(self.insert_call(), "writes the order", how, self.written(w, i, Some(row), object));
                    }
                }
                if object.is_none() {
                    for (w, put, how) in self.put(world, own, Object::PENDING, None) {
                        out.call(
                            call::CREATE_OBJECT,
                            "writes the pending object",
                            how,
                            self.written(w, i, row, Some(created(put))),
                        );
                    }
                }
            }
            Api::Resume { order } => {
                let Some(row) = world.row(order) else {
                    let mut w = then(*world, Api::Done);
                    w.answers[i] = Answer::Gone;
                    out.call(call::GET, "finds the key's order gone", "", w);
                    return;
                };
                let send = row.due == Due::Send && !row.state.is_final();
                let next = match (row.state.revision, send) {
                    (1, _) => Api::Recreate { order, send },
                    (_, true) => self.enqueue(order, false),
                    (_, false) => Api::Answer { order },
                };
                out.call(call::GET, "reads the key's order", "", then(*world, next));
                failing(Fault::Table)
                    .into_iter()
                    .for_each(|w| out.call(call::GET, "reads the key's order", "fails", w));
            }
            Api::Recreate { order, send } => {
                for (w, put, how) in self.put(world, order, Object::PENDING, None) {
                    let w = match created(put) {
                        Created::Etag(etag) if send => then(w, self.enqueue(order, etag)),
                        Created::Etag(_) => then(w, Api::Answer { order }),
                        Created::Failed => self.refuse(w, i),
                    };
                    out.call(call::CREATE_OBJECT, "writes the pending object if there is none", how, w);
                }
            }
            Api::Send { order, etag } => {
                for (w, sent, how) in Self::send(world, order, etag) {
                    let w = if sent.is_ok() { then(w, Api::Answer { order }) } else { self.refuse(w, i) };
                    out.call(call::SEND, "sends the message", how, w);
                }
            }
            Api::Answer { order } => {
                // Also where the order was marked already: the condition on the mark makes that no
                // difference.
                let mark = self.has(Guard::MarkAfterSend);
                let mut w = then(*world, if mark { Api::Mark { order, then_send: None } } else { Api::Done });
                w.answers[i] = Answer::Accepted(order);
                out.step("answers 202", w);
            }
            Api::Mark { order, then_send } => {
                let next = then_send.map_or(Api::Done, |etag| Api::Send { order, etag });
                for (w, _, how) in Self::call(world, Fault::Table, |w| self.mark(w, order)) {
                    out.call(call::UPDATE, "takes the order out of the outbox", how, then(w, next));
                }
            }
            Api::Withdraw => {
                let withdraw = |w: &mut World| {
                    let unclaimed = |due, revision| due == Due::Send && revision == 1;
                    let guarded = self.has(Guard::WithdrawUnclaimed);
                    if w.row(own).is_some_and(|r| !guarded || unclaimed(r.due, r.state.revision)) {
                        *w.row_mut(own) = None;
                    }
                };
                for (w, _, how) in Self::call(world, Fault::Table, withdraw) {
                    out.call(call::WITHDRAW, "withdraws the order", how, then(w, Api::Done));
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

    /// What comes once the table and S3 have both answered.
    fn written(&self, mut world: World, i: usize, row: Option<Accepted>, object: Option<Created>) -> World {
        let own = u8::try_from(i).unwrap_or(0);
        world.apis[i] = match (row, object) {
            (Some(Accepted::Exists(order)), Some(_)) => Api::Resume { order },
            (Some(Accepted::New), Some(Created::Etag(etag))) => self.enqueue(own, etag),
            (Some(_), Some(_)) => return self.refuse(world, i),
            (row, object) => Api::Write { row, object },
        };
        world
    }

    fn enqueue(&self, order: u8, etag: bool) -> Api {
        match self.has(Guard::MarkAfterSend) {
            true => Api::Send { order, etag },
            false => Api::Mark { order, then_send: Some(etag) },
        }
    }

    fn insert_call(&self) -> call::Call {
        if self.setting.keyed { call::INSERT_WITH_KEY } else { call::INSERT }
    }

    /// 503. An order without a key is taken back.
    fn refuse(&self, mut world: World, i: usize) -> World {
        world.answers[i] = Answer::Unavailable;
        world.apis[i] = if self.setting.keyed { Api::Done } else { Api::Withdraw };
        world
    }
}

fn created(put: Put) -> Created {
    match put {
        Put::Done => Created::Etag(true),
        Put::Conflict => Created::Etag(false),
        Put::Failed => Created::Failed,
    }
}
