/// Hears what the layers do that discharge obligations, for who counts it.
///
/// Names are those of the configuration, never of a caller.
pub trait Tally: Send + Sync + 'static {
    /// A finder found something so often, and it was blotted out.
    fn redacted(&self, finder: &str, count: u64);

    /// A call was refused, since it would not keep to the rate of this class.
    fn rate_refused(&self, class: &str);
}

/// Counts nothing.
impl Tally for () {
    fn redacted(&self, _finder: &str, _count: u64) {}

    fn rate_refused(&self, _class: &str) {}
}
