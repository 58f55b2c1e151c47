use serde_json::json;

/// The list of `count` tools, as the members of a result: `echo`, and others that echo too.
///
/// Each takes about 450 bytes, as those of real servers do.
pub(super) fn listed(count: usize) -> String {
    let tools: Vec<_> = (0..count).map(tool).collect();
    format!(r#""tools":{}"#, json!(tools))
}

fn tool(number: usize) -> serde_json::Value {
    let name = match number {
        0 => "echo".to_owned(),
        _ => format!("tool_{number:04}"),
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
