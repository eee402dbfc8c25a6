//! Accept, resume and withdraw: a request for an order, `lifecycle::accept`.

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::{Outcomes, Put},
    world::{Accepted, Answer, Api, Fault, Object, World},
};

impl Protocol {
    /// `accept::accept`. The order that request `i` makes, if it makes one, is order `i`.
    pub(crate) fn api(&self, world: &World, i: usize, out: &mut Out<'_>) {
        let own = u8::try_from(i).unwrap_or(0);
        let api = world.apis[i];
        if api == Api::Find && i > 0 && !self.setting.race && world.apis[i - 1] != Api::Done {
            return;
        }
        let begins = Api::Write { row: None, object: None, message: None };
        if api != Api::Done
            && api != Api::Find
            && api != begins
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
                let next = world.key.map_or(begins, |order| Api::Resume { order });
                out.call(call::FIND_KEY, "looks up the key", "", then(*world, next));
                failing(Fault::Table)
                    .into_iter()
                    .for_each(|w| out.call(call::FIND_KEY, "looks up the key", "fails", w));
            }
            Api::Write { row, object, message } => {
                if row.is_none() {
                    for (w, row, how) in self.insert(world, own) {
                        let w = self.written(w, i, (Some(row), object, message));
                        out.call(self.insert_call(), "writes the order", how, w);
                    }
                }
                if self.setting.careful && row != Some(Accepted::New) {
                    return;
                }
                if object.is_none() {
                    for (w, put, how) in self.put(world, own, Object::PENDING, None) {
                        let w = self.written(w, i, (row, Some(put != Put::Failed), message));
                        out.call(call::CREATE_OBJECT, "writes the pending object", how, w);
                    }
                }
                if message.is_none() {
                    for (w, sent, how) in Self::send(world, own, true) {
                        let w = self.written(w, i, (row, object, Some(sent.is_ok())));
                        out.call(call::SEND, "sends the message", how, w);
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
                let next = match row.state.revision {
                    1 => Api::Restore { order, object: None, message: None },
                    _ => Api::Answer { order },
                };
                out.call(call::GET, "reads the key's order", "", then(*world, next));
                failing(Fault::Table)
                    .into_iter()
                    .for_each(|w| out.call(call::GET, "reads the key's order", "fails", w));
            }
            Api::Restore { order, object, message } => {
                if object.is_none() {
                    for (w, put, how) in self.put(world, order, Object::PENDING, None) {
                        let w = self.restored(w, i, order, (Some(put != Put::Failed), message));
                        out.call(call::CREATE_OBJECT, "writes the pending object if there is none", how, w);
                    }
                }
                if message.is_none() {
                    for (w, sent, how) in Self::send(world, order, true) {
                        let w = self.restored(w, i, order, (object, Some(sent.is_ok())));
                        out.call(call::SEND, "sends the message", how, w);
                    }
                }
            }
            Api::Answer { order } => {
                let mut w = then(*world, Api::Done);
                w.answers[i] = Answer::Accepted(order);
                if let Some(row) = w.row_mut(order).as_mut().filter(|_| !self.has(Guard::EntryUntilPublished)) {
                    row.open = self.setting.deadline;
                }
                out.step("answers 202", w);
            }
            Api::Withdraw => {
                for (w, withdrawn, how) in self.withdraw(world, own) {
                    let mut w = then(w, Api::Done);
                    if w.answers[i] == Answer::Silence {
                        w.answers[i] = match withdrawn {
                            Ok(true) => Answer::TakenBack,
                            // A worker has it: it is as good as accepted.
                            Ok(false) => Answer::Accepted(own),
                            Err(()) => Answer::Unavailable,
                        };
                    }
                    out.call(self.insert_call(), "withdraws the order", how, w);
                }
            }
        }
    }

    /// `OrderTable::insert`: key and order in one transaction.
    fn insert(&self, world: &World, own: u8) -> Outcomes<Accepted> {
        let keyed = self.setting.keyed;
        if let Some(order) = world.key.filter(|_| keyed && self.has(Guard::KeyIsNew)) {
            return vec![(*world, Accepted::Exists(order), "the key is there")];
        }
        let write = |w: &mut World| {
            *w.row_mut(own) = Some(self.new_row());
            w.key = if keyed { Some(own) } else { None };
        };
        let outcomes = Self::call(world, Fault::Table, write).into_iter();
        let mut outcomes: Vec<_> =
            outcomes.map(|(w, done, how)| (w, done.map_or(Accepted::Failed, |()| Accepted::New), how)).collect();
        if let Some(faults) = world.faults.after(Fault::Table).filter(|_| !keyed) {
            let mut late = world.left(faults);
            late.on_its_way[usize::from(own)] = true;
            outcomes.push((late, Accepted::Failed, "no answer, and arrives later"));
        }
        outcomes
    }

    /// `OrderTable::withdraw`; whether it was.
    fn withdraw(&self, world: &World, own: u8) -> Outcomes<Result<bool, ()>> {
        let claimed = world.row(own).is_some_and(|r| r.state.revision != 1);
        if claimed && self.has(Guard::WithdrawUnclaimed) {
            return vec![(*world, Ok(false), "a worker has it")];
        }
        let write = |w: &mut World| {
            *w.row_mut(own) = None;
            w.withdrawn[usize::from(own)] = self.has(Guard::Tombstone);
        };
        let outcomes = Self::call(world, Fault::Table, write).into_iter();
        outcomes.map(|(w, done, how)| (w, done.map(|()| true), how)).collect()
    }

    /// What comes once all three stores have answered.
    fn written(
        &self,
        mut world: World,
        i: usize,
        (row, object, message): (Option<Accepted>, Option<bool>, Option<bool>),
    ) -> World {
        let own = u8::try_from(i).unwrap_or(0);
        // While DynamoDB fails nothing is written for a row that was not stored.
        let alone = self.setting.careful && row.is_some_and(|r| r != Accepted::New);
        world.apis[i] = match (row, object, message) {
            (Some(Accepted::Exists(order)), Some(_), Some(_)) => Api::Resume { order },
            (Some(Accepted::Exists(order)), ..) if alone => Api::Resume { order },
            (Some(Accepted::New), Some(true), Some(true)) => Api::Answer { order: own },
            (Some(_), Some(_), Some(_)) => return self.refuse(world, i),
            _ if alone => return self.refuse(world, i),
            (row, object, message) => Api::Write { row, object, message },
        };
        world
    }

    /// The same for an order that a key gave before.
    fn restored(
        &self,
        mut world: World,
        i: usize,
        order: u8,
        (object, message): (Option<bool>, Option<bool>),
    ) -> World {
        world.apis[i] = match (object, message) {
            (Some(true), Some(true)) => Api::Answer { order },
            (Some(_), Some(_)) => return self.refuse(world, i),
            (object, message) => Api::Restore { order, object, message },
        };
        world
    }

    fn insert_call(&self) -> call::Call {
        if self.setting.keyed { call::INSERT_WITH_KEY } else { call::INSERT }
    }

    /// 503. An order without a key is taken back first.
    fn refuse(&self, mut world: World, i: usize) -> World {
        if self.setting.keyed {
            world.answers[i] = Answer::Unavailable;
            world.apis[i] = Api::Done;
            return world;
        }
        if !self.has(Guard::WithdrawBeforeAnswer) {
            world.answers[i] = Answer::TakenBack;
        }
        world.apis[i] = Api::Withdraw;
        world
    }
}
