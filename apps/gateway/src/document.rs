//! One OpenAPI document out of what each app says of itself.
//!
//! Each app prints its own with `<app> --openapi`; they are kept beside the code, so that a change of the API is seen in review.
//! Only operations of the table are shown: what cannot be reached is not promised.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::routes::{Door, ROUTES, Route};

/// The documents by app, as they were when this was built.
pub const DOCUMENTS: &[(&str, &str)] = &[
    ("identity", include_str!("../../../docs/openapi/identity.json")),
    ("tasks", include_str!("../../../docs/openapi/tasks.json")),
    ("reminders", include_str!("../../../docs/openapi/reminders.json")),
    ("notifications", include_str!("../../../docs/openapi/notifications.json")),
    ("messaging", include_str!("../../../docs/openapi/messaging.json")),
    ("audit", include_str!("../../../docs/openapi/audit.json")),
];

const SCHEMAS: &str = "#/components/schemas/";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The document as it is served. Made when it is first asked for, which of most instances is never: reading six documents takes megabytes.
pub static SERVED: LazyLock<Bytes> = LazyLock::new(|| merged(DOCUMENTS).to_string().into());

/// The merged document. A document that is not JSON adds nothing; a test refuses one.
pub fn merged(documents: &[(&str, &str)]) -> Value {
    let (mut paths, mut schemas, mut security, mut tags) = (Map::new(), Map::new(), Map::new(), Vec::new());
    for (app, text) in documents {
        let mut document: Value = serde_json::from_str(text).unwrap_or_default();
        for name in clashes(&document, &schemas) {
            rename(&mut document, &name, &format!("{app}.{name}"));
        }
        let own = own_paths(app, &document);
        if own.is_empty() {
            continue;
        }
        for (path, operations) in own {
            let known = paths.entry(path).or_insert_with(|| json!({}));
            merge_into(known, operations);
        }
        schemas.extend(members(&document, "/components/schemas"));
        security.extend(members(&document, "/components/securitySchemes"));
        tags.push(json!({ "name": app, "description": document.pointer("/info/description").cloned().unwrap_or_default() }));
    }
    name_apart(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Outrigger",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tasks, reminders and notifications. Get a token from POST /auth/token and send it as Authorization: Bearer.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security },
    })
}

/// The operations of `app` that are in the table.
fn own_paths(app: &str, document: &Value) -> Map<String, Value> {
    let mut paths = Map::new();
    for (path, item) in members(document, "/paths") {
        let Value::Object(item) = item else { continue };
        let shown = item.into_iter().filter_map(|(method, operation)| match METHODS.contains(&method.as_str()) {
            true => find(app, &method, &path).map(|route| (method, with_limits(app, route, operation))),
            false => Some((method, operation)),
        });
        let shown: Map<_, _> = shown.collect();
        if shown.keys().any(|method| METHODS.contains(&method.as_str())) {
            paths.insert(path, shown.into());
        }
    }
    paths
}

/// The route of an operation, whatever its parameters are called.
fn find(app: &str, method: &str, path: &str) -> Option<&'static Route> {
    let same =
        |route: &&Route| route.app == app && route.door != Door::Page && route.method.as_str().eq_ignore_ascii_case(method);
    ROUTES.iter().filter(same).find(|route| shape(route.template) == shape(path))
}

/// A template without the names of its parameters.
fn shape(template: &str) -> String {
    template.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect::<Vec<_>>().join("/")
}

/// Adds what the gateway itself may answer.
fn with_limits(app: &str, route: &Route, mut operation: Value) -> Value {
    operation["tags"] = json!([app]);
    let has_body = operation.get("requestBody").is_some();
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return operation };
    let Some(refusal) = ["503", "401", "404", "422"].iter().find_map(|status| responses.get(*status)).cloned() else {
        return operation;
    };
    let mut add = |status: &str, description: &str| {
        let mut response = refusal.clone();
        response["description"] = description.into();
        responses.entry(status).or_insert(response);
    };
    if has_body {
        add("413", &format!("The body has more than {} bytes.", route.body));
    }
    add("429", "More requests than the limit; Retry-After says when to come back.");
    add("503", "A part does not answer.");
    operation
}

/// Gives an operation whose id another one has too an id of its method and path: Swagger UI would send one for the other.
fn name_apart(paths: &mut Map<String, Value>) {
    let ids = paths.values().filter_map(Value::as_object).flat_map(Map::values).filter_map(id).map(str::to_owned);
    let mut uses = BTreeMap::<_, usize>::new();
    ids.for_each(|id| *uses.entry(id).or_default() += 1);
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if id(operation).is_some_and(|id| uses.get(id).is_some_and(|uses| *uses > 1)) {
                let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
                operation["operationId"] = words.fold(method.clone(), |id, word| format!("{id}_{word}")).into();
            }
        }
    }
}

fn id(operation: &Value) -> Option<&str> {
    operation.get("operationId")?.as_str()
}

/// Names of schemas that `schemas` knows with another content.
fn clashes(document: &Value, schemas: &Map<String, Value>) -> Vec<String> {
    let own = members(document, "/components/schemas").into_iter();
    own.filter(|(name, schema)| schemas.get(name).is_some_and(|known| known != schema)).map(|(name, _)| name).collect()
}

fn rename(document: &mut Value, from: &str, to: &str) {
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas")
        && let Some(schema) = schemas.remove(from)
    {
        schemas.insert(to.to_owned(), schema);
    }
    refer(document, &format!("{SCHEMAS}{from}"), &format!("{SCHEMAS}{to}"));
}

/// Replaces every reference to `from`.
fn refer(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => *text = to.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|field| refer(field, from, to)),
        _ => {}
    }
}

fn members(document: &Value, pointer: &str) -> Map<String, Value> {
    document.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn merge_into(known: &mut Value, more: Value) {
    if let (Value::Object(known), Value::Object(more)) = (known, more) {
        known.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
        let paths = members(document, "/paths").into_iter();
        let each = |(path, item): (String, Value)| {
            let item = item.as_object().cloned().unwrap().into_iter().filter(|(method, _)| METHODS.contains(&method.as_str()));
            item.map(move |(method, operation)| ((method.to_uppercase(), shape(&path)), operation)).collect::<Vec<_>>()
        };
        paths.flat_map(each).collect()
    }

    #[test]
    fn the_table_and_the_documents_say_the_same() {
        for (app, text) in DOCUMENTS {
            let documented = operations(&serde_json::from_str(text).unwrap());
            if documented.is_empty() {
                continue;
            }
            let routed: BTreeMap<_, _> = ROUTES
                .iter()
                .filter(|route| route.app == *app)
                .map(|route| {
                    (
                        (route.method.to_string(), shape(route.template)),
                        if route.door == Door::Public { "public" } else { "open" },
                    )
                })
                .collect();
            for (operation, said) in &documented {
                let door =
                    routed.get(operation).unwrap_or_else(|| panic!("{app}: {operation:?} is documented but not in the table"));
                assert_eq!(said["x-door"], *door, "{app}: x-door of {operation:?}");
            }
            for operation in routed.keys() {
                assert!(documented.contains_key(operation), "{app}: {operation:?} is in the table but not documented");
            }
        }
    }

    #[test]
    fn every_app_with_an_api_has_a_document() {
        for route in ROUTES.iter().filter(|route| route.door != Door::Page) {
            assert!(DOCUMENTS.iter().any(|(app, _)| *app == route.app), "{}", route.app);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|field| references(field, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = merged(DOCUMENTS);
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn no_two_operations_have_one_id() {
        let operations = operations(&merged(DOCUMENTS));
        let mut ids: Vec<_> = operations.values().filter_map(id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), all), (operations.len(), operations.len()));
    }

    #[test]
    fn two_things_of_one_name_stay_two() {
        let one = r##"{"paths":{"/tasks":{"get":{"responses":{"200":{"$ref":"#/components/schemas/Page"}}},"put":{}},"/internal/x":{"get":{}}},
            "components":{"schemas":{"Page":{"type":"object"}}}}"##;
        let two = r##"{"paths":{"/audit-logs":{"get":{"responses":{"200":{"$ref":"#/components/schemas/Page"}}}}},
            "components":{"schemas":{"Page":{"type":"array"}}}}"##;
        let document = merged(&[("tasks", one), ("audit", two)]);
        assert_eq!(document["components"]["schemas"]["Page"]["type"], "object");
        assert_eq!(document["components"]["schemas"]["audit.Page"]["type"], "array");
        assert_eq!(document["paths"]["/audit-logs"]["get"]["responses"]["200"]["$ref"], "#/components/schemas/audit.Page");
        assert_eq!(document["paths"]["/audit-logs"]["get"]["tags"][0], "audit");
        assert!(document["paths"].get("/internal/x").is_none() && document["paths"]["/tasks"].get("put").is_none());
    }
}
