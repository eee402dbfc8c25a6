//! One setting as data: its names, its default, its help.

/// A setting: a flag and an environment variable of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The name of its constant in [`catalogue`](super::catalogue), such as `QUEUE_URL`.
    pub(super) constant: &'static str,
    /// What it is for, in a sentence or two.
    pub help: &'static str,
    /// The text that holds if it is not set.
    pub default: Option<&'static str>,
    /// Whether a program that reads it does not start without it.
    pub required: bool,
    /// Whether its value appears in no error and no log.
    pub secret: bool,
    /// The title of its group.
    pub group: &'static str,
}

impl Setting {
    /// The flag without its dashes, such as `queue-url`.
    #[must_use]
    pub fn name(&self) -> String {
        self.constant.to_lowercase().replace('_', "-")
    }

    /// The environment variable, such as `OFFLOAD_QUEUE_URL`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("OFFLOAD_{}", self.constant)
    }

    /// The variable that says where the value is. Only for secrets.
    #[must_use]
    pub fn variable_of(&self, kept: Kept) -> String {
        format!("{}_{}", self.variable(), kept.suffix())
    }

    /// The flag of the same, without its dashes.
    #[must_use]
    pub fn name_of(&self, kept: Kept) -> String {
        format!("{}-{}", self.name(), kept.suffix().to_lowercase())
    }

    /// The identifier of that flag.
    pub(super) fn id_of(&self, kept: Kept) -> String {
        format!("{}_{}", self.constant, kept.suffix())
    }
}

/// How a secret can be kept, so that it is in no environment and in no configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In a file.
    File,
    /// In SSM or Secrets Manager of AWS.
    Arn,
}

impl Kept {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::File, Self::Arn];

    fn suffix(self) -> &'static str {
        match self {
            Self::File => "FILE",
            Self::Arn => "ARN",
        }
    }
}
