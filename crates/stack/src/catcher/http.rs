//! The catcher's pages: what came, newest first, and the receiver of text messages.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Catcher, Sms};

/// Takes connections until the task is dropped.
pub(super) async fn serve(listener: TcpListener, catcher: Arc<Catcher>) {
    while let Ok((stream, _)) = listener.accept().await {
        let catcher = Arc::clone(&catcher);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let catcher = Arc::clone(&catcher);
                async move { Ok::<_, Infallible>(answer(request, &catcher).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, catcher: &Catcher) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/") => page("text/html; charset=utf-8", list(catcher)),
        (&Method::GET, path) => {
            let index = path.strip_prefix("/mails/").and_then(|text| text.parse::<usize>().ok());
            match index.and_then(|index| catcher.mails().get(index).cloned()) {
                Some(mail) => page("text/plain; charset=utf-8", mail.content),
                None => status(StatusCode::NOT_FOUND),
            }
        }
        (&Method::POST, "/sms") => {
            let Ok(body) = body.collect().await else {
                return status(StatusCode::BAD_REQUEST);
            };
            let headers = parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
            let sms = Sms { headers: headers.collect(), body: String::from_utf8_lossy(&body.to_bytes()).into_owned() };
            match catcher.take_sms(sms) {
                Some(refusal) => status(StatusCode::from_u16(refusal).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)),
                None => status(StatusCode::CREATED),
            }
        }
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn list(catcher: &Catcher) -> String {
    let mut html = "<!doctype html><title>Mail and text messages</title><h1>Mail</h1><ol reversed>".to_owned();
    for (index, mail) in catcher.mails().iter().enumerate().rev() {
        let subject = mail.content.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or("(no subject)");
        let _ = write!(html, "<li><a href=\"/mails/{index}\">{}</a> to {}</li>", escape(subject), escape(&mail.to.join(", ")));
    }
    html.push_str("</ol><h1>Text messages</h1><ol reversed>");
    for sms in catcher.sms().iter().rev() {
        let _ = write!(html, "<li>{}</li>", escape(&sms.body));
    }
    html.push_str("</ol>");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn page(kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
