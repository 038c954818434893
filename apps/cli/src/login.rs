//! `outrigger login` and `outrigger logout`: a person signs in by address and password, and their tokens are kept for the other commands.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::api::Place;
use crate::output::{plain, say};
use crate::sign_ins::{Locked, SignIn};
use crate::usage::Usage;

/// Who signs in. The password is asked for, or read from standard input when that is no terminal.
#[derive(Args, Debug)]
pub(crate) struct Login {
    /// The address of the account; asked for when absent
    #[arg(long)]
    email: Option<String>,

    #[command(flatten)]
    place: Place,
}

/// Where one signs out.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    #[command(flatten)]
    place: Place,
}

/// Signs in and keeps the tokens.
pub(crate) async fn login(arguments: Login) -> Result<()> {
    let api = arguments.place.api()?;
    let is_terminal = std::io::stdin().is_terminal();
    let email = match arguments.email {
        Some(email) => email,
        None if is_terminal => ask("Email: ")?,
        None => return Err(Usage("name the account with --email; the password is read from standard input".to_owned()).into()),
    };
    let password =
        if is_terminal { rpassword::prompt_password("Password: ").context("asking for the password")? } else { line()? };
    if password.is_empty() {
        return Err(Usage("no password was given".to_owned()).into());
    }
    let credentials = json!({ "grant_type": "password", "username": email, "password": password });
    let answer = match api.open("auth/token", &credentials).await? {
        Ok(answer) => answer,
        Err(why) => bail!("{why}"),
    };
    Locked::open()?.put(api.address(), Some(&SignIn::of(email.clone(), &answer)?))?;
    say(&format!("{} is signed in to {}.\n", plain(&email), api.address()));
    Ok(())
}

/// Gives the tokens back and forgets them.
pub(crate) async fn logout(arguments: Logout) -> Result<()> {
    let api = arguments.place.api()?;
    let mut kept = Locked::open()?;
    let Some(sign_in) = kept.of(api.address())? else {
        say(&format!("Nobody is signed in to {}.\n", api.address()));
        return Ok(());
    };
    let given_back = api.open("auth/revoke", &json!({ "refresh_token": sign_in.refresh_token })).await;
    // Forgotten here in any case: who signs out must not find themselves signed in because the suite was away.
    kept.put(api.address(), None)?;
    given_back.context("the tokens are forgotten here, but the suite was not told, where they end by themselves")?.ok();
    say(&format!("{} is signed out of {}.\n", plain(&sign_in.email), api.address()));
    Ok(())
}

fn ask(question: &str) -> Result<String> {
    let mut err = std::io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).context("asking")?;
    line()
}

fn line() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("reading standard input")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
