//! The output of work outside this program: JSON lines from a program's standard output or an
//! endpoint's body.

mod line;
mod reader;

pub(super) use reader::{OutputLimits, OutputReader, ProtocolError};
