//! The OpenAPI document: what the routes say of themselves, and what holds for all of them.

use axum::body::Bytes;
use serde_json::{Map, Value, json};
use springald_core::{Error, Result};
use utoipa::openapi::OpenApi;

/// Calls that change nothing.
const READS: [&str; 3] = ["get", "head", "options"];
const CALLS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// The tag of what anybody may ask.
const OPEN: &str = "health";
const SCHEME: &str = "token";

/// The text of the document of this process.
#[derive(Clone)]
pub(super) struct Document(pub(super) Bytes);

/// # Errors
/// If what the routes say of themselves is no JSON.
pub(super) fn document(api: OpenApi, asks_for_token: bool) -> Result<Document> {
    let described = serde_json::to_value(api).map(|api| complete(api, asks_for_token));
    let text = described.and_then(|document| serde_json::to_vec_pretty(&document));
    let text = text.map_err(|e| Error::failed(format!("the OpenAPI document is no JSON: {e}")))?;
    Ok(Document(text.into()))
}

/// Adds what holds for all operations.
pub(super) fn complete(mut document: Value, asks_for_token: bool) -> Value {
    bound_numbers(&mut document);
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for path in paths.into_iter().flat_map(|paths| paths.values_mut()) {
        let Some(path) = path.as_object_mut() else {
            continue;
        };
        for (call, operation) in path {
            if let (true, Some(operation)) =
                (CALLS.contains(&call.as_str()), operation.as_object_mut())
            {
                add_answers(call, operation, asks_for_token);
            }
        }
    }
    if asks_for_token && let Some(document) = document.as_object_mut() {
        document.insert("security".into(), json!([{ SCHEME: [] }]));
        let components = document.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut() {
            let scheme = json!({
                "type": "http",
                "scheme": "bearer",
                "description": "The cluster's token, SPRINGALD_TOKEN of its processes"
            });
            components.insert("securitySchemes".into(), json!({ SCHEME: scheme }));
        }
    }
    document
}

/// Adds the answers that stand before every route.
fn add_answers(call: &str, operation: &mut Map<String, Value>, asks_for_token: bool) {
    let tags = operation.get("tags").and_then(Value::as_array);
    let is_open = tags.is_some_and(|tags| tags.iter().any(|tag| tag == OPEN));
    let has_body = operation.contains_key("requestBody");
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let has_parameters = parameters.is_some_and(|parameters| !parameters.is_empty());
    let changes = !READS.contains(&call);
    if is_open && asks_for_token {
        operation.insert("security".into(), json!([]));
    }
    let answers = [
        (
            "400",
            has_parameters || has_body,
            "What is asked for cannot be read, or cannot be",
        ),
        (
            "401",
            asks_for_token && !is_open,
            "The cluster's token is missing, or it is another",
        ),
        (
            "403",
            changes,
            "It may not be done, or a page of another site asks for it",
        ),
        ("413", has_body, "The body is too large"),
        ("415", changes, "The body is of another kind"),
        ("500", true, "The master failed at it"),
    ];
    if let Some(Value::Object(body)) = operation.get_mut("requestBody") {
        body.insert("required".into(), Value::Bool(true));
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else {
        return;
    };
    for (status, applies, description) in answers {
        if applies {
            responses.entry(status).or_insert_with(|| {
                json!({
                    "description": description,
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ApiError" } } }
                })
            });
        }
    }
}

/// Says of whole numbers how large they may be, where their format alone does.
fn bound_numbers(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(bound_numbers),
        Value::Object(schema) => {
            let unsigned = schema.get("minimum").and_then(Value::as_u64).is_some();
            let maximum = match schema.get("format").and_then(Value::as_str) {
                Some("int32") if unsigned => json!(u32::MAX),
                Some("int32") => json!(i32::MAX),
                Some("int64") if unsigned => json!(u64::MAX),
                Some("int64") => json!(i64::MAX),
                _ => Value::Null,
            };
            if !maximum.is_null() {
                schema.entry("maximum").or_insert(maximum);
            }
            schema.values_mut().for_each(bound_numbers);
        }
        _ => {}
    }
}
