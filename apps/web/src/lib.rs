//! The pages: server-rendered HTML over the other apps' APIs. Owns no data; what it keeps is in memory and can be lost.
//!
//! In reading order:
//!
//! - [`http`]: the route table, and one file an operation
//! - [`visitor`]: who is asking, by the session cookie; [`session`] knows sessions, [`guard`] forms, [`api`] the other apps
//! - [`form`]: what a form sent, its token checked; [`task_form`] the one of a task
//! - [`page`]: from a template to an answer, and what every page has around it; [`failure`] when there is no page to give
//! - [`due`], [`zone`], [`reminder`], [`list`]: rules, pure
//! - [`view`]: a task and its kin as templates show them; [`talk`] the same of conversations; [`people`] of the team
//! - [`assets`]: stylesheet and scripts, inside the binary

pub mod api;
pub mod assets;
pub mod due;
pub mod failure;
pub mod form;
pub mod guard;
pub mod http;
pub mod list;
pub mod page;
pub mod people;
pub mod reminder;
pub mod repeat;
pub mod session;
pub mod talk;
pub mod task_form;
pub mod view;
pub mod visitor;
pub mod zone;

use std::sync::Arc;

use service::app::StartError;
use service::{App, Base, Parts};
use utoipa::OpenApi;

use crate::guard::Guard;
use crate::session::Sessions;

/// The app.
pub struct Web;

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    /// Sidecar, clock, settings.
    pub base: Base,
    /// Who is signed in.
    pub sessions: Sessions,
    /// What makes and checks the tokens in forms.
    pub guard: Arc<Guard>,
}

impl App for Web {
    const ID: &'static str = "web";
    type Settings = ();

    fn openapi() -> utoipa::openapi::OpenApi {
        http::Document::openapi()
    }

    async fn start(base: Base, (): ()) -> Result<Parts, StartError> {
        let secret = base.internal.own_secret().await?;
        let site = Site {
            sessions: Sessions::new(base.internal.clone()),
            guard: Arc::new(Guard::new(&secret, &base.settings.public_url)),
            base,
        };
        Ok(Parts { public: http::routes(site), ..Parts::default() })
    }
}
