use clap::ValueEnum;

/// How something is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// To people
    #[default]
    Text,
    /// To tools
    Json,
}
