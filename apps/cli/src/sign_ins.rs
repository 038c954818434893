//! The sign-ins that `outrigger login` keeps: one a suite, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is kept of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// Who.
    pub email: String,
    /// Opens the API for some minutes.
    pub access_token: String,
    /// Gives the next pair of tokens, once.
    pub refresh_token: String,
}

impl SignIn {
    /// From what identity answered.
    pub fn of(email: String, answer: &Value) -> Result<Self> {
        let text =
            |field: &str| answer[field].as_str().map(str::to_owned).with_context(|| format!("the answer holds no {field}"));
        Ok(Self { email, access_token: text("access_token")?, refresh_token: text("refresh_token")? })
    }
}

/// All of them, by the address of the suite, for one process at a time until it is dropped.
pub(crate) struct Locked {
    file: PathBuf,
    _lock: File,
}

impl Locked {
    /// Waits until no other process has them.
    pub fn open() -> Result<Self> {
        Self::below(&config_folder()?)
    }

    fn below(config: &Path) -> Result<Self> {
        let folder = config.join("outrigger");
        let context = || format!("keeping sign-ins in {}", folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(context)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join("sign-ins.lock"));
        let lock = lock.with_context(context)?;
        lock.lock().with_context(context)?;
        Ok(Self { file: folder.join("sign-ins.json"), _lock: lock })
    }

    /// Who is signed in to a suite.
    pub fn of(&self, address: &str) -> Result<Option<SignIn>> {
        Ok(self.all()?.remove(address))
    }

    /// Keeps a sign-in in place of the one before, or none.
    pub fn put(&mut self, address: &str, sign_in: Option<&SignIn>) -> Result<()> {
        let mut all = self.all()?;
        match sign_in {
            Some(sign_in) => all.insert(address.to_owned(), sign_in.clone()),
            None => all.remove(address),
        };
        // Written beside it and put in its place: whoever is cut off meanwhile leaves the old file whole. Its mode is the new file's own,
        // whatever the old one had.
        let new = self.file.with_extension("new");
        let context = || format!("writing {}", self.file.display());
        let _ = std::fs::remove_file(&new);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new).with_context(context)?;
        file.write_all(&serde_json::to_vec_pretty(&all)?).and_then(|()| file.sync_all()).with_context(context)?;
        std::fs::rename(&new, &self.file).with_context(context)
    }

    fn all(&self) -> Result<BTreeMap<String, SignIn>> {
        let context = || format!("reading {}; remove it and sign in again if it is broken", self.file.display());
        match std::fs::read(&self.file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(context),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error).with_context(context),
        }
    }
}

/// Where programs keep settings (XDG Base Directory Specification): a relative path counts as none.
fn config_folder() -> Result<PathBuf> {
    let stated = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = || std::env::home_dir().map(|home| home.join(".config"));
    stated.or_else(of_home).context("there is no home folder; set XDG_CONFIG_HOME")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn sign_ins_are_kept_by_suite_and_only_their_owner_reads_them() {
        let folder = std::env::temp_dir().join(format!("outrigger-sign-ins-{}", std::process::id()));
        let ada = SignIn { email: "ada@example.com".into(), access_token: "a".into(), refresh_token: "b".into() };
        let grace = SignIn { email: "grace@example.com".into(), ..ada.clone() };
        {
            let mut kept = Locked::below(&folder).unwrap();
            kept.put("http://one", Some(&ada)).unwrap();
            kept.put("http://two", Some(&ada)).unwrap();
            kept.put("http://two", Some(&grace)).unwrap();
        }
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let own = folder.join("outrigger");
        assert_eq!((mode(&own), mode(&own.join("sign-ins.json"))), (0o700, 0o600));
        let mut kept = Locked::below(&folder).unwrap();
        assert_eq!((kept.of("http://one").unwrap(), kept.of("http://two").unwrap()), (Some(ada), Some(grace)));
        kept.put("http://one", None).unwrap();
        assert_eq!(kept.of("http://one").unwrap(), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
