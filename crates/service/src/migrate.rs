//! Migrations: numbered files with an up and a down part, applied whole or not at all, once, however many instances start.
//!
//! Each file goes to the binding as one text, which PostgreSQL runs as one transaction. It begins with an advisory lock and a look
//! into the ledger; whoever comes second finds the version there and is told so by an SQLSTATE of our own.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use sidecar::{Sql, Statement};

/// Raised inside the transaction when the version is already applied (up) or not applied (down).
const NOTHING_TO_DO: &str = "OR001";

/// One numbered file.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Number; the platform's own are 0 and those above 1000.
    pub version: i32,
    /// File name without number and ending.
    pub name: &'static str,
    /// The file: `-- up` and `-- down` each on a line of its own.
    pub text: &'static str,
}

impl Migration {
    /// The file `<version>_<name>.sql`.
    pub const fn new(version: i32, name: &'static str, text: &'static str) -> Self {
        Self { version, name, text }
    }
}

/// The part that every app with data has.
pub const PLATFORM: Migration = Migration::new(0, "platform", include_str!("../migrations/000_platform.sql"));

/// What has changed in that part since. Its numbers are above every app's own, which stay as they are.
pub const SINCE: [Migration; 1] = [Migration::new(
    1001,
    "functions_that_keep_their_plans",
    include_str!("../migrations/1001_functions_that_keep_their_plans.sql"),
)];

/// The whole schema of an app: the platform's part, its own, and what has changed in the platform's.
pub fn all(own: &[Migration]) -> Vec<Migration> {
    std::iter::once(PLATFORM).chain(own.iter().copied()).chain(SINCE).collect()
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file was changed after it was applied. Write a new one instead.
    #[error("migration {version} ({name}) was edited after it was applied; put it back and write a new one")]
    Edited {
        /// Its number.
        version: i32,
        /// Its name.
        name: String,
    },
    /// A file has no `-- up` or no `-- down` line.
    #[error("migration {0} has no `-- up` line followed by a `-- down` line")]
    NoParts(i32),
    /// The database refused, or did not answer.
    #[error("migration {version}: {source}")]
    Database {
        /// The file's number; -1 for the ledger itself.
        version: i32,
        /// What the binding said.
        #[source]
        source: sidecar::Error,
    },
}

/// A version and whether it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: &'static str,
    /// When it was applied, RFC 3339.
    pub applied_at: Option<String>,
}

#[derive(Deserialize)]
struct Applied {
    version: i32,
    checksum: String,
    applied_at: String,
}

const LEDGER: &str = "select pg_advisory_xact_lock(hashtextextended(current_schema(), 0));
create table if not exists schema_migrations (
  version integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now());";

const READ_LEDGER: Statement = Statement::new(
    "ledger",
    "select coalesce(jsonb_agg(jsonb_build_object('version', version, 'checksum', checksum, 'applied_at', applied_at) order by version), '[]')::text from schema_migrations",
);

/// Applies what is missing, oldest first. Gives the versions this call applied.
///
/// # Errors
/// [`Error::Edited`] before anything is applied; [`Error::Database`] with the file that failed, of which nothing was kept.
pub async fn up(sql: &Sql, migrations: &[Migration]) -> Result<Vec<i32>, Error> {
    let applied = ledger(sql).await?;
    for migration in migrations {
        let known = applied.iter().find(|applied| applied.version == migration.version);
        if known.is_some_and(|applied| applied.checksum != checksum(migration)) {
            return Err(Error::Edited { version: migration.version, name: migration.name.into() });
        }
    }
    let mut done = Vec::new();
    for migration in migrations.iter().filter(|migration| !applied.iter().any(|applied| applied.version == migration.version)) {
        let (up, _) = parts(migration)?;
        let (version, name, checksum) = (migration.version, migration.name, checksum(migration));
        let text = format!(
            "{}\n{up}\ninsert into schema_migrations (version, name, checksum) values ({version}, '{name}', '{checksum}');",
            guard(version, "exists")
        );
        if run(sql, version, &text).await? {
            done.push(version);
        }
    }
    Ok(done)
}

/// Takes back the newest applied version. Gives it, or nothing when there was none.
///
/// # Errors
/// As [`up`].
pub async fn down(sql: &Sql, migrations: &[Migration]) -> Result<Option<i32>, Error> {
    let Some(newest) = ledger(sql).await?.pop() else { return Ok(None) };
    let Some(migration) = migrations.iter().find(|migration| migration.version == newest.version) else { return Ok(None) };
    let (_, down) = parts(migration)?;
    let version = migration.version;
    let text = format!("{}\n{down}\ndelete from schema_migrations where version = {version};", guard(version, "not exists"));
    Ok(run(sql, version, &text).await?.then_some(version))
}

/// Which versions there are and which are applied.
///
/// # Errors
/// As [`up`].
pub async fn status(sql: &Sql, migrations: &[Migration]) -> Result<Vec<State>, Error> {
    let applied = ledger(sql).await?;
    let state = |migration: &Migration| State {
        version: migration.version,
        name: migration.name,
        applied_at: applied.iter().find(|applied| applied.version == migration.version).map(|applied| applied.applied_at.clone()),
    };
    Ok(migrations.iter().map(state).collect())
}

async fn ledger(sql: &Sql) -> Result<Vec<Applied>, Error> {
    let failed = |source| Error::Database { version: -1, source };
    sql.script("ledger", LEDGER).await.map_err(failed)?;
    sql.query(&READ_LEDGER, &()).await.map_err(failed)
}

/// Runs one file; false when another instance was faster.
async fn run(sql: &Sql, version: i32, text: &str) -> Result<bool, Error> {
    match sql.script(&format!("migration {version}"), text).await {
        Ok(()) => Ok(true),
        Err(error) if error.sqlstate() == Some(NOTHING_TO_DO) => Ok(false),
        Err(source) => Err(Error::Database { version, source }),
    }
}

/// The lock, and the end of the transaction if the ledger says that there is nothing to do.
fn guard(version: i32, nothing_to_do_if: &str) -> String {
    format!(
        "select pg_advisory_xact_lock(hashtextextended(current_schema(), 0));
do $guard$ begin
  if {nothing_to_do_if} (select from schema_migrations where version = {version}) then
    raise exception 'nothing to do' using errcode = '{NOTHING_TO_DO}';
  end if;
end $guard$;"
    )
}

fn parts(migration: &Migration) -> Result<(&'static str, &'static str), Error> {
    let body = migration.text.split_once("-- up\n").map(|(_, body)| body);
    body.and_then(|body| body.split_once("-- down\n")).ok_or(Error::NoParts(migration.version))
}

fn checksum(migration: &Migration) -> String {
    Sha256::digest(migration.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_has_both_parts() {
        let (up, down) = parts(&PLATFORM).unwrap();
        assert!(up.contains("create table outbox_events") && !up.contains("drop table"));
        assert!(down.contains("drop table outbox_events"));
    }

    #[test]
    fn what_has_changed_in_the_platform_comes_last() {
        let all = all(&[Migration::new(1, "own", ""), Migration::new(2, "own_too", "")]);
        assert!(all.is_sorted_by_key(|migration| migration.version), "{all:?}");
        assert!(SINCE.iter().all(|migration| parts(migration).is_ok()));
    }
}
