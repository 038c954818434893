//! As much of SMTP (RFC 5321) as a mail client needs to hand over a mail, with AUTH PLAIN (RFC 4616).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{Catcher, Mail};

/// Takes connections until the task is dropped.
pub(super) async fn serve(listener: TcpListener, catcher: Arc<Catcher>) {
    while let Ok((stream, _)) = listener.accept().await {
        let catcher = Arc::clone(&catcher);
        tokio::spawn(async move {
            // A client that hangs up in the middle has sent nothing.
            let _ = session(stream, &catcher).await;
        });
    }
}

async fn session(stream: TcpStream, catcher: &Catcher) -> std::io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).split(b'\n');
    let mut known = catcher.password.is_none();
    let mut mail = empty();
    output.write_all(b"220 outrigger ESMTP\r\n").await?;
    while let Some(line) = lines.next_segment().await? {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" if known => "250-outrigger\r\n250 8BITMIME".to_owned(),
            "EHLO" => "250-outrigger\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "HELO" | "NOOP" => "250 OK".to_owned(),
            "RSET" => {
                mail = empty();
                "250 OK".to_owned()
            }
            "AUTH" => {
                known = catcher.password.as_ref().is_none_or(|password| authenticates(rest, password));
                if known { "235 welcome" } else { "535 wrong user or password" }.to_owned()
            }
            "MAIL" | "RCPT" | "DATA" if !known => "530 authenticate first".to_owned(),
            "MAIL" => {
                mail = Mail { from: address(rest), ..empty() };
                catcher.next_refusal().unwrap_or_else(|| "250 OK".to_owned())
            }
            "RCPT" => {
                let recipient = address(rest);
                catcher.next_refusal_to(&recipient).unwrap_or_else(|| {
                    mail.to.push(recipient);
                    "250 OK".to_owned()
                })
            }
            "DATA" if mail.to.is_empty() => "503 no recipient".to_owned(),
            "DATA" => {
                output.write_all(b"354 end with a dot\r\n").await?;
                while let Some(line) = lines.next_segment().await? {
                    let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                    if line == "." {
                        break;
                    }
                    mail.content.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.content.push_str("\r\n");
                }
                catcher.keep_mail(std::mem::replace(&mut mail, empty()));
                "250 kept".to_owned()
            }
            "QUIT" => {
                output.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 not known here".to_owned(),
        };
        output.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn empty() -> Mail {
    Mail { from: String::new(), to: Vec::new(), content: String::new() }
}

/// The address in `FROM:<a@b> BODY=8BITMIME`.
fn address(text: &str) -> String {
    let inner = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(text, |(address, _)| address).to_owned()
}

/// `PLAIN` with an initial response, which is what clients send.
fn authenticates(text: &str, password: &str) -> bool {
    let Some(encoded) = text.strip_prefix("PLAIN ") else {
        return false;
    };
    let decoded = STANDARD.decode(encoded.trim()).unwrap_or_default();
    decoded == format!("\0outrigger\0{password}").as_bytes()
}
