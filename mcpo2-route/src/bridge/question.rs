use mcpo2_core::{Id, Request};

/// What a module with sessions asked its client, and has no answer to yet.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// The name by which the client answers it.
    pub(super) key: String,
    /// The module's own id for it.
    pub(super) id: Id,
    /// The method and the parameters, as JSON text.
    text: String,
}

impl Question {
    /// The question number `n` of a call; none where the module wants no answer.
    pub(super) fn of(n: usize, request: &Request) -> Option<Self> {
        let method = request.method();
        let params = request.params().map(String::from_utf8_lossy);
        let params = params.map(|params| format!(r#","params":{params}"#));
        Some(Self {
            key: format!("input-{n}"),
            id: request.id()?.clone(),
            text: format!(r#"{{"method":"{method}"{}}}"#, params.unwrap_or_default()),
        })
    }

    /// The object `inputRequests`, as JSON text.
    pub(super) fn all(questions: &[Self]) -> String {
        let asked = questions.iter();
        let asked: Vec<_> = asked
            .map(|Self { key, text, .. }| format!("\"{key}\":{text}"))
            .collect();
        format!("{{{}}}", asked.join(","))
    }
}
