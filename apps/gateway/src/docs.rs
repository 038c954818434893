//! `/openapi.json` and `/docs`: the merged document, and pages to read and try it, all from this process.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::document::SERVED;

/// What Swagger UI loads: its own files, icons it carries as data, and the API itself when something is tried out.
/// Its widgets set `style` attributes, which only `unsafe-inline` allows; no script may be inline.
const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
                        connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    // No validator: it would show the document to another host. No remembered token: a browser's storage is no place for it.
    let config = Config::new(["/openapi.json"])
        .validator_url("none")
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .persist_authorization(false);
    Router::from(SwaggerUi::new("/docs").config(config))
        .layer(middleware::map_response(own_headers))
        .route("/openapi.json", get(async || ([(header::CONTENT_TYPE, "application/json")], SERVED.clone())))
}

async fn own_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("content-security-policy"), HeaderValue::from_static(DOCS_CSP));
    // The files change only with the program; a browser asks again, and is quickly told so.
    headers.insert(HeaderName::from_static("cache-control"), HeaderValue::from_static("no-cache"));
    response
}
