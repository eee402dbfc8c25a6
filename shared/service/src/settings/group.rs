//! Groups of settings: what lists and reads the settings of one concern, and of several.

use std::collections::HashSet;

use super::{Setting, source::Source};

/// The settings of one concern as a struct. Only `settings!` implements it, so what is read is
/// listed.
pub trait Group: Sized {
    /// The settings that it reads, those of the groups within it included.
    fn settings() -> Vec<Setting>;

    /// Reads them; `None` after an error, which the source then holds.
    fn read(source: &mut Source) -> Option<Self>;
}

/// What a program reads: one group, or a tuple of them.
pub trait Groups: Sized {
    /// The groups as they were read, `None` for one with an error: what is wrong beside it can
    /// still be reported.
    type Read;

    /// Every setting, each once.
    fn settings() -> Vec<Setting>;

    /// Reads them all.
    fn read(source: &mut Source) -> Self::Read;

    /// All of them, if none had an error.
    fn whole(read: Self::Read) -> Option<Self>;
}

impl<G: Group> Groups for G {
    type Read = Option<G>;

    fn settings() -> Vec<Setting> {
        distinct(G::settings())
    }

    fn read(source: &mut Source) -> Self::Read {
        G::read(source)
    }

    fn whole(read: Self::Read) -> Option<Self> {
        read
    }
}

macro_rules! tuple {
    ($($group:ident)+) => {
        impl<$($group: Group),+> Groups for ($($group,)+) {
            type Read = ($(Option<$group>,)+);

            fn settings() -> Vec<Setting> {
                distinct([$($group::settings()),+].concat())
            }

            fn read(source: &mut Source) -> Self::Read {
                ($($group::read(source),)+)
            }

            #[expect(non_snake_case, reason = "the names of the types serve as names of the values")]
            fn whole(read: Self::Read) -> Option<Self> {
                let ($($group,)+) = read;
                Some(($($group?,)+))
            }
        }
    };
}
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

/// Each setting once: groups may share some, and a flag can be defined only once.
fn distinct(mut settings: Vec<Setting>) -> Vec<Setting> {
    let mut seen = HashSet::new();
    settings.retain(|setting| seen.insert(setting.constant));
    settings
}
