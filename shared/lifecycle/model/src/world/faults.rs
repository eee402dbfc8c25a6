//! What may still break.

/// What may still break. Each kind once, and all together so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Faults {
    pub(crate) any: u8,
    pub(crate) spent: [bool; 6],
}

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A process dies between two calls.
    Crash,
    /// A message is there twice.
    Duplicate,
    /// A call to DynamoDB fails; the write may have happened.
    Table,
    /// A call to S3.
    Objects,
    /// A call to SQS.
    Queue,
    /// A message is lost: the queue is purged, or its retention ends.
    Lost,
}

impl Faults {
    /// What may break after this.
    pub(crate) fn after(mut self, fault: Fault) -> Option<Self> {
        let spent = &mut self.spent[fault as usize];
        if *spent || self.any == 0 {
            return None;
        }
        *spent = true;
        self.any -= 1;
        if self.any == 0 {
            // What was spent no longer matters.
            self.spent = [true; 6];
        }
        Some(self)
    }
}
