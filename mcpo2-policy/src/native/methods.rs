/// The methods that this version knows, by their names.
pub(crate) const METHODS: &[&str] = &[
    "initialize",
    "notifications/initialized",
    "ping",
    "server/discover",
    "subscriptions/listen",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "logging/setLevel",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
    "tasks/result",
    "tasks/list",
    "mcpo2/artifacts/create",
    "mcpo2/artifacts/commit",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/message",
    "notifications/roots/list_changed",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
];

#[cfg(test)]
mod tests {
    use mcpo2_core::Method;

    use super::*;

    #[test]
    fn all_of_them_are_known() {
        for name in METHODS {
            assert_eq!(Method::from(*name).known(), Some(*name));
        }
    }
}
