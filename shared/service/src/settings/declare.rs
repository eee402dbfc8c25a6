//! The macro that declares settings. What it declares is listed and read; nothing else can be.

/// Declares a group of settings: its struct, a constant for each setting, their list and their
/// reader.
///
/// ```text
/// settings! {
///     /// What the group is for.
///     pub struct WorkerSettings in "Worker" {
///         /// The help text of the setting, which documents the field too.
///         pub concurrency: usize = default(CONCURRENCY, "10", number(1..=1_000)),
///         /// A group within the group.
///         pub retry: Backoff = group(),
///     }
/// }
/// ```
///
/// | a field is | and reads as |
/// |---|---|
/// | `required(NAME, parser)` | the value; not set is an error |
/// | `default(NAME, "text", parser)` | the value, or that of the default text |
/// | `optional(NAME, parser)` | an `Option` of the value |
/// | `fallback(NAME, parser, make)` | the value, or what `make()` gives; the help text says what |
/// | `group()` | the group that the field's type is |
/// | `group(Other, convert)` | what `convert` makes of the group `Other` |
///
/// `secret NAME` keeps a value out of errors. A parser takes the text and gives the value, or the
/// reason why there is none (see [`parser`](super::parser)).
///
/// Two more forms. `pub struct Group in "Title", if field { … }` makes the group an `Option`, which
/// is `None` where the optional setting of `field` is not set; with `if field else check`, `check`
/// then reports settings that are useless without it. `impl Type in "Title" { … }` declares the
/// settings of a struct that exists already. With `, check function` behind the title, the function
/// gets what was read and reports settings that contradict each other.
macro_rules! settings {
    ($(#[$attribute:meta])* $vis:vis struct $group:ident in $title:literal $(, if $switch:ident $(else $check:ident)?)? $(, check $pairs:ident)? {
        $($(#[doc = $help:literal])+ $field_vis:vis $field:ident: $type:ty = $kind:ident($($how:tt)*),)+
    }) => {
        $(#[$attribute])*
        $vis struct $group { $($(#[doc = $help])+ $field_vis $field: $type,)+ }
        $(settings! { @constant $title, concat!($($help),+), $kind($($how)*) })+
        settings! { @reader $group, [$($switch $(else $check)?)?] [$($pairs)?] $($field: $type = $kind($($how)*),)+ }
    };
    (impl $group:ident in $title:literal $(, check $pairs:ident)? {
        $($(#[doc = $help:literal])+ $field:ident: $type:ty = $kind:ident($($how:tt)*),)+
    }) => {
        $(settings! { @constant $title, concat!($($help),+), $kind($($how)*) })+
        settings! { @reader $group, [] [$($pairs)?] $($field: $type = $kind($($how)*),)+ }
    };

    (@constant $title:literal, $help:expr, group($($how:tt)*)) => {};
    (@constant $title:literal, $help:expr, $kind:ident(secret $name:ident, $($how:tt)+)) => {
        settings! { @constant $title, $help, $name, true, $kind($($how)+) }
    };
    (@constant $title:literal, $help:expr, $kind:ident($name:ident, $($how:tt)+)) => {
        settings! { @constant $title, $help, $name, false, $kind($($how)+) }
    };
    (@constant $title:literal, $help:expr, $name:ident, $secret:literal, $kind:ident($($how:tt)+)) => {
        #[doc = $help]
        pub const $name: $crate::settings::Setting = $crate::settings::Setting {
            constant: stringify!($name),
            help: $help.trim_ascii(),
            default: settings!(@default $kind($($how)+)),
            required: settings!(@required $kind),
            secret: $secret,
            group: $title,
        };
    };
    (@default default($text:literal, $parser:expr)) => { Some($text) };
    (@default $kind:ident($($how:tt)+)) => { None };
    (@required required) => { true };
    (@required $kind:ident) => { false };

    (@reader $group:ident, [] [$($pairs:ident)?] $($field:ident: $type:ty = $kind:ident($($how:tt)*),)+) => {
        impl $crate::settings::Group for $group {
            fn settings() -> Vec<$crate::settings::Setting> {
                [$(settings!(@list $type, $kind($($how)*))),+].concat()
            }

            fn read(source: &mut $crate::settings::source::Source) -> Option<Self> {
                // All of them before the first `?`, so that every error is reported.
                $(let $field: Option<$type> = settings!(@read source, $type, $kind($($how)*));)+
                let read = Self { $($field: $field?),+ };
                $($pairs(&read, source);)?
                Some(read)
            }
        }
    };
    (@reader $group:ident, [$switch:ident $(else $check:ident)?] [] $($field:ident: $type:ty = $kind:ident($($how:tt)*),)+) => {
        impl $crate::settings::Group for Option<$group> {
            fn settings() -> Vec<$crate::settings::Setting> {
                [$(settings!(@list $type, $kind($($how)*))),+].concat()
            }

            fn read(source: &mut $crate::settings::source::Source) -> Option<Self> {
                $(let $field = settings!(@read source, $type, $kind($($how)*));)+
                let Some($switch) = $switch? else {
                    $($check(source);)?
                    return Some(None);
                };
                let $switch = Some($switch);
                Some(Some($group { $($field: $field?),+ }))
            }
        }
    };

    (@list $type:ty, group()) => { <$type as $crate::settings::Group>::settings() };
    (@list $type:ty, group($of:ty, $convert:expr)) => { <$of as $crate::settings::Group>::settings() };
    (@list $type:ty, $kind:ident(secret $name:ident, $($how:tt)+)) => { vec![$name] };
    (@list $type:ty, $kind:ident($name:ident, $($how:tt)+)) => { vec![$name] };

    (@read $source:ident, $type:ty, group()) => { <$type as $crate::settings::Group>::read($source) };
    (@read $source:ident, $type:ty, group($of:ty, $convert:expr)) => {
        <$of as $crate::settings::Group>::read($source).map($convert)
    };
    (@read $source:ident, $type:ty, $kind:ident(secret $name:ident, $($how:tt)+)) => {
        settings!(@read $source, $type, $kind($name, $($how)+))
    };
    (@read $source:ident, $type:ty, required($name:ident, $parser:expr)) => { $source.required($name, $parser) };
    (@read $source:ident, $type:ty, default($name:ident, $text:literal, $parser:expr)) => {
        $source.required($name, $parser)
    };
    (@read $source:ident, $type:ty, optional($name:ident, $parser:expr)) => { $source.optional($name, $parser) };
    (@read $source:ident, $type:ty, fallback($name:ident, $parser:expr, $make:expr)) => {
        $source.optional($name, $parser).map(|value| value.unwrap_or_else($make))
    };
}

pub(super) use settings;
