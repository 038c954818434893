//! `/app/messages/{id}`: one conversation: what was said, saying something, and who is in it.

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use contracts::message::Message;
use serde_json::json;
use service::fields::{self, integer};
use uuid::Uuid;

use crate::api::Call;
use crate::failure::Failure;
use crate::form::{Errors, Form};
use crate::page::{self, Shell};
use crate::people::{self, Person};
use crate::talk::{ApiConversation, ApiMessages, Said};
use crate::visitor::Visitor;

/// Messages on one page.
const LIMIT: i64 = 50;

/// The part that changes.
struct ThreadView {
    id: Uuid,
    name: String,
    /// Who is in it, as it is said and by id.
    members: Vec<(Uuid, String)>,
    /// Who could be brought in.
    people: Vec<Person>,
    /// What is wrong with bringing somebody in.
    errors: Errors,
    said: Vec<Said>,
    /// Where the older ones end.
    older: Option<i64>,
    /// Whether these are the newest, to which more comes.
    newest: bool,
    unread: i64,
    csrf: String,
}

/// The form of something to say.
struct SayForm {
    /// Of the conversation.
    id: String,
    /// Of the message: a repeat with the same one is the same message.
    message: Uuid,
    content: String,
    errors: Errors,
    csrf: String,
}

#[derive(Template)]
#[template(path = "thread.html")]
struct ThreadPage {
    shell: Shell,
    view: ThreadView,
    form: SayForm,
}

#[derive(Template)]
#[template(path = "parts/talk.html")]
struct ThreadFragment {
    view: ThreadView,
}

#[derive(Template)]
#[template(path = "parts/say.html")]
struct SayFragment {
    form: SayForm,
}

#[derive(Template)]
#[template(path = "parts/just_said.html")]
struct JustSaid {
    each: Said,
}

impl ThreadView {
    /// Everybody's id, by which script sees that somebody came or left.
    fn everybody(&self) -> String {
        self.members.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Everybody's name.
    fn names(&self) -> String {
        self.members.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// `GET`; to script what changes. It marks nothing read: a browser may ask for a page that nobody looks at.
///
/// # Errors
/// When the person is not in it, or messaging does not answer.
pub async fn show(visitor: Visitor, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let before = fields::Fields::of_query(query.as_deref()).optional("before_sequence", |value| integer(value, 1, i64::MAX));
    if visitor.wants_fragment() {
        return fragment(&visitor, &id, before).await;
    }
    let form = SayForm::new(&visitor, &id);
    shown(&visitor, &id, before, form, Errors::default(), StatusCode::OK).await
}

/// `POST`: says something.
///
/// # Errors
/// When the person is not in it, the form has no id for it, or messaging does not answer.
pub async fn say(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let (visitor, fields) = (&form.visitor, &form.fields);
    let message: Uuid = fields.get("id").parse().map_err(|_| Failure::Unreadable)?;
    // A form says line ends as mail does.
    let content = fields.get("content").replace("\r\n", "\n");
    let body = json!({ "id": message, "conversation_id": id, "content": content });
    let typed = SayForm { message, content, ..SayForm::new(visitor, &id) };
    let refused = match visitor.call(Call::new(Method::POST, "messaging", &["v1", "messages"]).body(body)).await {
        Ok(answer) if visitor.wants_fragment() => {
            let each = Said::of(answer.json::<Message>()?, "You".into(), visitor);
            return page::html(StatusCode::OK, &JustSaid { each });
        }
        Ok(_) => return Ok(visitor.go(&format!("/app/messages/{id}#content"))),
        Err(Failure::Refused(body)) if body.status == 409 => SayForm {
            errors: Errors::one("content", "This was said before as you first typed it. Send it once more to say both."),
            message: Uuid::new_v4(),
            ..typed
        },
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 413 | 422) => {
            SayForm { errors: Errors::of(&body, &[("content", "content", "Message")]), ..typed }
        }
        Err(failure) => return Err(failure),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if visitor.wants_fragment() {
        return page::html(status, &SayFragment { form: refused });
    }
    shown(visitor, &id, None, refused, Errors::default(), status).await
}

/// `POST /app/messages/{id}/read`: all that was said until now is read.
///
/// # Errors
/// When the person is not in it, or messaging does not answer.
pub async fn read(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    form.visitor.call(Call::new(Method::POST, "messaging", &["v1", "conversations", &id, "read"])).await?;
    changed(&form.visitor, &id).await
}

/// `POST /app/messages/{id}/members`: brings somebody in.
///
/// # Errors
/// When the person is not in it, or messaging does not answer.
pub async fn add(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let call = Call::new(Method::POST, "messaging", &["v1", "conversations", &id, "members"]);
    let errors = match visitor.call(call.body(json!({ "user_id": form.fields.get("member") }))).await {
        Ok(_) => return changed(visitor, &id).await,
        Err(Failure::Refused(body)) if matches!(body.status, 400 | 409 | 422) => {
            Errors::of(&body, &[("user_id", "member", "Whom to add")])
        }
        Err(failure) => return Err(failure),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if visitor.wants_fragment() {
        let view = ThreadView { errors, ..view(visitor, &id, None).await? };
        return page::html(status, &ThreadFragment { view });
    }
    shown(visitor, &id, None, SayForm::new(visitor, &id), errors, status).await
}

/// `POST /app/messages/{id}/leave`; who has left already stays so.
///
/// # Errors
/// When messaging does not answer.
pub async fn leave(Path(id): Path<String>, form: Form) -> Result<Response, Failure> {
    let visitor = &form.visitor;
    let me = visitor.person.user.id.to_string();
    match visitor.call(Call::new(Method::DELETE, "messaging", &["v1", "conversations", &id, "members", &me])).await {
        Err(Failure::Refused(body)) if body.status == 404 => {}
        left => drop(left?),
    }
    Ok(visitor.go("/app/messages"))
}

async fn changed(visitor: &Visitor, id: &str) -> Result<Response, Failure> {
    match visitor.wants_fragment() {
        true => fragment(visitor, id, None).await,
        false => Ok(visitor.go(&format!("/app/messages/{id}#content"))),
    }
}

async fn fragment(visitor: &Visitor, id: &str, before: Option<i64>) -> Result<Response, Failure> {
    page::html(StatusCode::OK, &ThreadFragment { view: view(visitor, id, before).await? })
}

/// The whole page, around forms that may have been refused.
async fn shown(
    visitor: &Visitor,
    id: &str,
    before: Option<i64>,
    form: SayForm,
    errors: Errors,
    status: StatusCode,
) -> Result<Response, Failure> {
    let (view, unread) = tokio::join!(view(visitor, id, before), visitor.unread());
    let view = ThreadView { errors, ..view? };
    visitor.page(status, &ThreadPage { shell: visitor.shell(&view.name, "messages", unread), view, form })
}

async fn view(visitor: &Visitor, id: &str, before: Option<i64>) -> Result<ThreadView, Failure> {
    let mut query = vec![("limit", LIMIT.to_string())];
    query.extend(before.map(|before| ("before_sequence", before.to_string())));
    let (conversation, messages, people) = tokio::join!(
        visitor.call(Call::get("messaging", &["v1", "conversations", id])),
        visitor.call(Call::get("messaging", &["v1", "conversations", id, "messages"]).query(&query)),
        people::others(visitor),
    );
    let conversation: ApiConversation = conversation?.json()?;
    let found: ApiMessages = messages?.json()?;
    let me = visitor.person.user.id;
    let mut people = people.unwrap_or_default();
    people.retain(|person| conversation.members.iter().all(|member| member.user_id != person.id));
    let who = |id| conversation.who(id, me);
    let said = |message: Message| {
        let who = who(message.sender_id);
        Said::of(message, who, visitor)
    };
    Ok(ThreadView {
        id: conversation.id,
        name: conversation.name(me),
        members: conversation.members.iter().map(|member| (member.user_id, who(member.user_id))).collect(),
        people,
        errors: Errors::default(),
        older: found.items.first().filter(|_| found.has_older).map(|message| message.sequence),
        said: found.items.into_iter().map(said).collect(),
        newest: before.is_none(),
        unread: conversation.unread_count,
        csrf: visitor.csrf(),
    })
}

impl SayForm {
    fn new(visitor: &Visitor, id: &str) -> Self {
        Self { id: id.into(), message: Uuid::new_v4(), content: String::new(), errors: Errors::default(), csrf: visitor.csrf() }
    }
}
