use serde_json::json;

/// The list of `count` tools, as the members of a result: `echo`, others that echo too, and last
/// those that do something else.
///
/// Each takes about 450 bytes, as those of real servers do.
pub(super) fn listed(count: usize) -> String {
    let tools: Vec<_> = (0..count).map(|number| tool(number, count)).collect();
    format!(r#""tools":{}"#, json!(tools))
}

fn tool(number: usize, count: usize) -> serde_json::Value {
    let others = ["stream", "late", "large", "lost"];
    let name = match (number, others.get(count - 1 - number)) {
        (0, _) => "echo".to_owned(),
        (_, Some(other)) => (*other).to_owned(),
        (_, None) => format!("tool_{number:04}"),
    };
    json!({
        "name": name,
        "title": format!("Tool {number}"),
        "description": format!(
            "Gives back the text that it is given. This is number {number} of a list that is as \
             long as those of servers with many tools, described in two sentences."
        ),
        "inputSchema": {
            "type": "object",
            "properties": {
                "text": { "type": "string", "description": "What is given back." },
                "limit": { "type": "integer", "minimum": 0, "maximum": 100 }
            },
            "required": ["text"]
        },
        "annotations": { "readOnlyHint": true, "openWorldHint": false }
    })
}
