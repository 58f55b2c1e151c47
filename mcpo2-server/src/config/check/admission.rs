use super::{Context, Diagnostic};

/// The least memory in which a gateway can serve.
const LEAST: usize = 1 << 20;

/// Checks how much is taken on at once.
pub(super) fn check(context: &mut Context<'_>) {
    let admission = &context.config.http.admission;
    for (key, number) in [
        ("calls", admission.calls),
        ("streams_per_principal", admission.streams_per_principal),
    ] {
        if number == 0 {
            let message = format!("`{key}` is 0: nothing would pass");
            let path = format!("http/admission/{key}");
            context.value(&path, Diagnostic::error("invalid-value", message));
        }
    }
    if admission.memory.is_some_and(|memory| memory < LEAST) {
        let message = "`memory` is less than 1MiB: nothing would pass";
        context.value(
            "http/admission/memory",
            Diagnostic::error("invalid-value", message),
        );
    }
    for (tenant, weight) in &admission.weights {
        if !(1..=1000).contains(weight) {
            let message = format!("the weight of `{tenant}` is {weight}: it is 1 to 1000");
            let path = format!("http/admission/weights/{tenant}");
            context.value(&path, Diagnostic::error("invalid-value", message));
        }
    }
}
