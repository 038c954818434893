//! Redis, which keeps an append-only file: a restart loses nothing.

use std::path::Path;

use anyhow::Result;

use crate::part::Program;
use crate::parts;
use crate::probe::Probe;
use crate::run_dir::RunDir;
use crate::secrets::write_private;
use crate::tools;

/// What its settings file says.
pub(crate) fn settings_text(bind: &str, port: u16, password: &str, data: &Path) -> String {
    format!(
        "bind {bind}\nport {port}\nrequirepass {password}\ndir \"{}\"\nappendonly yes\nsave \"\"\ndaemonize no\n",
        data.display()
    )
}

/// Writes its settings and says how it is started.
pub(crate) fn program(run: &RunDir, port: u16, password: &str) -> Result<Program> {
    let path = tools::need("redis-server", "install Redis (Debian: redis-server, macOS: brew install redis)")?;
    let data = run.join("redis");
    std::fs::create_dir_all(&data)?;
    let settings = run.join("redis.conf");
    let text = settings_text("127.0.0.1", port, password, &data);
    // The password is in a file, because a command line is everyone's to read.
    write_private(&settings, text.as_bytes())?;
    let probe = Probe::Redis { port, password: password.to_owned() };
    Ok(parts::program(run, "redis", &path, vec![settings.display().to_string()], probe))
}
