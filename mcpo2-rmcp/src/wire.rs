//! rmcp's models to bytes and back.

use bytes::Bytes;
use rmcp::model::{ErrorData, JsonObject, RequestId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use mcpo2_core::{
    Error, ErrorKind, Id, Message, Request,
    message::{error_response, result_response},
};

/// A request, or a notification where it has no id, as rmcp's models hold it.
pub(crate) fn request(
    method: &str,
    id: Option<&RequestId>,
    params: impl Serialize,
    meta: &JsonObject,
) -> Result<Request, ErrorData> {
    let mut message = json!({ "jsonrpc": "2.0", "method": method });
    if let Some(id) = id {
        insert(&mut message, "id", encode(id)?);
    }
    let mut params = match encode(params)? {
        Value::Null => json!({}),
        params => params,
    };
    if !meta.is_empty() {
        let mut merged = params.get("_meta").cloned().unwrap_or_else(|| json!({}));
        for (key, value) in meta {
            insert(&mut merged, key, value.clone());
        }
        insert(&mut params, "_meta", merged);
    }
    if params.as_object().is_some_and(|params| !params.is_empty()) {
        insert(&mut message, "params", params);
    }
    match Message::parse(message.to_string()) {
        Ok(Message::Request(request)) => Ok(request),
        Ok(Message::Response(_)) => Err(ErrorData::invalid_request("not a request", None)),
        Err(error) => Err(ErrorData::new(
            rmcp::model::ErrorCode(error.code()),
            error.to_string(),
            None,
        )),
    }
}

/// The response to `id`, as rmcp's models hold it.
pub(crate) fn response<R: Serialize>(id: &Id, result: Result<R, ErrorData>) -> Bytes {
    let result = result.and_then(|result| {
        serde_json::to_string(&result).map_err(|_| unreadable("a result that is no JSON"))
    });
    match result {
        Ok(result) => result_response(id, &result),
        Err(ErrorData {
            code,
            message,
            data,
            ..
        }) => {
            let data = data.map(|data| data.to_string());
            error_response(Some(id), code.0.into(), &message, data.as_deref())
        }
    }
}

/// Reads a part of a message as one of rmcp's models.
pub(crate) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, ErrorData> {
    serde_json::from_slice(json).map_err(|error| {
        tracing::debug!(%error, "what rmcp's models do not hold");
        unreadable("the answer does not have the form of its method")
    })
}

/// Reads a request as one of rmcp's models.
pub(crate) fn decode_request<T: DeserializeOwned>(request: &Request) -> Result<T, Error> {
    serde_json::from_slice(request.bytes()).map_err(|error| {
        Error::new(ErrorKind::InvalidParams, "the parameters are not valid").with_source(error)
    })
}

fn encode(value: impl Serialize) -> Result<Value, ErrorData> {
    serde_json::to_value(value).map_err(|_| unreadable("a value that is no JSON"))
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn unreadable(message: &'static str) -> ErrorData {
    ErrorData::internal_error(message, None)
}
