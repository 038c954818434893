//! Where mail and text messages of a development machine end: kept as files, served as pages, refused on request.

mod http;
mod smtp;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// A mail that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body as they came, dots unstuffed.
    pub content: String,
}

/// A text message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// The request's headers; the binding sends its metadata as headers.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: String,
}

/// What was caught so far and what is to be refused next.
#[derive(Debug)]
pub(crate) struct Catcher {
    folder: PathBuf,
    /// What clients must know; absent: whoever comes may leave a mail.
    password: Option<String>,
    caught: Mutex<Caught>,
}

#[derive(Debug, Default)]
struct Caught {
    mails: Vec<Mail>,
    sms: Vec<Sms>,
    /// Answers for the next mails, the first first.
    refuse_mail: VecDeque<String>,
    /// Statuses for the next text messages.
    refuse_sms: VecDeque<u16>,
    /// What mails to one address are answered, and how many of them still.
    refuse_address: HashMap<String, (usize, String)>,
    /// The status for text messages to one number, and for how many of them still.
    refuse_number: HashMap<String, (usize, u16)>,
}

/// Keeps mail and text messages until the future is dropped. Nobody is asked for a password.
///
/// # Errors
/// When a port is taken or the folder cannot be written.
pub async fn catch(host: IpAddr, smtp: u16, inbox: u16, folder: PathBuf) -> Result<()> {
    Catcher::start(&Handle::current(), folder, None, host, smtp, inbox).await?;
    std::future::pending().await
}

impl Catcher {
    /// Listens on both ports until the runtime ends.
    pub async fn start(
        runtime: &Handle,
        folder: PathBuf,
        password: Option<String>,
        host: IpAddr,
        smtp: u16,
        inbox: u16,
    ) -> Result<Arc<Self>> {
        for kind in ["mail", "sms"] {
            let folder = folder.join(kind);
            std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let catcher = Arc::new(Self { folder, password, caught: Mutex::default() });
        let listen = |port| async move {
            let listener = std::net::TcpListener::bind((host, port)).with_context(|| format!("listening on {host}:{port}"))?;
            listener.set_nonblocking(true)?;
            anyhow::Ok(listener)
        };
        let (smtp, inbox) = (listen(smtp).await?, listen(inbox).await?);
        let (mail, page) = (Arc::clone(&catcher), Arc::clone(&catcher));
        runtime
            .spawn(async move {
                // From here on the listeners belong to this runtime, so that they outlive the caller's.
                let (smtp, inbox) = (TcpListener::from_std(smtp)?, TcpListener::from_std(inbox)?);
                tokio::spawn(smtp::serve(smtp, mail));
                tokio::spawn(http::serve(inbox, page));
                anyhow::Ok(())
            })
            .await??;
        Ok(catcher)
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.lock().mails.clone()
    }

    pub fn sms(&self) -> Vec<Sms> {
        self.lock().sms.clone()
    }

    pub fn refuse_mail(&self, count: usize, answer: &str) {
        self.lock().refuse_mail = std::iter::repeat_n(answer.to_owned(), count).collect();
    }

    pub fn refuse_sms(&self, count: usize, status: u16) {
        self.lock().refuse_sms = std::iter::repeat_n(status, count).collect();
    }

    pub fn refuse_mail_to(&self, address: &str, count: usize, answer: &str) {
        self.lock().refuse_address.insert(address.to_owned(), (count, answer.to_owned()));
    }

    pub fn refuse_sms_to(&self, number: &str, count: usize, status: u16) {
        self.lock().refuse_number.insert(number.to_owned(), (count, status));
    }

    pub fn refusals_left(&self, recipient: &str) -> usize {
        let caught = self.lock();
        let of_address = caught.refuse_address.get(recipient).map(|(left, _)| *left);
        of_address.or_else(|| caught.refuse_number.get(recipient).map(|(left, _)| *left)).unwrap_or_default()
    }

    /// The refusal that the next mail gets, if any.
    fn next_refusal(&self) -> Option<String> {
        self.lock().refuse_mail.pop_front()
    }

    /// The refusal that a mail to this address gets, if any.
    fn next_refusal_to(&self, address: &str) -> Option<String> {
        spend(&mut self.lock().refuse_address, address)
    }

    fn keep_mail(&self, mail: Mail) {
        let mut caught = self.lock();
        // The file is for people and other programs; a full disk must not make a test lose the mail.
        let _ = std::fs::write(self.folder.join(format!("mail/{}.eml", stamp())), &mail.content);
        caught.mails.push(mail);
    }

    /// Keeps a text message, or says with which status it is refused.
    fn take_sms(&self, sms: Sms) -> Option<u16> {
        let mut caught = self.lock();
        let number = sms.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("to")).map(|(_, number)| number.as_str());
        let refused = number.and_then(|number| spend(&mut caught.refuse_number, number));
        if let Some(status) = refused.or_else(|| caught.refuse_sms.pop_front()) {
            return Some(status);
        }
        let _ = std::fs::write(self.folder.join(format!("sms/{}.txt", stamp())), &sms.body);
        caught.sms.push(sms);
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Caught> {
        self.caught.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One refusal less for the recipient, if any is left.
fn spend<T: Clone>(refusals: &mut HashMap<String, (usize, T)>, recipient: &str) -> Option<T> {
    let (left, answer) = refusals.get_mut(recipient)?;
    *left = left.checked_sub(1)?;
    Some(answer.clone())
}

/// A file name that sorts by time.
fn stamp() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}
