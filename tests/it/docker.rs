//! A Docker of a story's own: its programs are this machine's or built once, its daemon begins and ends with the story where that is root's.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::eventually;
use tests::recorder::{Scratch, is_roots, said, well};

use crate::workspace::root;

/// Docker has begun by then.
const SOON: Duration = Duration::from_secs(30);

/// Docker with its plugins.
pub(crate) struct Docker {
    programs: Vec<String>,
    folder: PathBuf,
    daemon: Option<Child>,
}

impl Docker {
    /// Finds it, and these beside it by the name that `scripts/_lib.sh` has for them: a plugin is known to Docker then.
    pub(crate) fn find(scratch: &Scratch, needed: &[&str]) -> Result<Self> {
        let needs: String = needed.iter().map(|name| format!("need_{name} >&2; ")).collect();
        let script = format!("ROOT=.; . scripts/_lib.sh; {needs}type -P docker {} || true", needed.join(" "));
        let found = well(Command::new("bash").args(["-ec", &script]).current_dir(root()?))?;
        let docker = Self { programs: found.lines().map(str::to_owned).collect(), folder: scratch.0.clone(), daemon: None };
        std::fs::create_dir_all(docker.folder.join("config/cli-plugins"))?;
        for plugin in needed {
            if let Ok(path) = docker.program(plugin) {
                symlink(path, docker.folder.join(format!("config/cli-plugins/docker-{plugin}")))?;
            }
        }
        Ok(docker)
    }

    /// Where one of them is. A plugin that Docker has anyway is nowhere.
    pub(crate) fn program(&self, name: &str) -> Result<&str> {
        let found = self.programs.iter().find(|path| path.rsplit('/').next() == Some(name));
        found.map(String::as_str).with_context(|| format!("{name} is missing"))
    }

    /// A daemon is root's. Where the story is not, it is the machine's.
    pub(crate) async fn start(&mut self, options: &[&str]) -> Result<()> {
        let daemon = ["/usr/sbin/dockerd", "/usr/bin/dockerd"].into_iter().find(|path| Path::new(path).exists());
        if let Some(daemon) = daemon.filter(|_| is_roots()) {
            let log = std::fs::File::create(self.folder.join("docker.log"))?;
            let mut command = Command::new(daemon);
            command.args(["--bridge=none", "--host", &self.socket()]).args(options);
            for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")] {
                command.arg(option).arg(self.folder.join(name));
            }
            self.daemon = Some(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?);
        }
        eventually("docker answers", SOON, async || {
            let mut ask = Command::new(self.program("docker")?);
            let output = self.reached_by(ask.args(["version", "--format", "{{.Server.Arch}}"])).output()?;
            ensure!(output.status.success(), "{}", said(&output));
            Ok(Some(()))
        })
        .await
    }

    /// Whether the daemon is the story's, and what is left in it goes with it.
    pub(crate) fn is_own(&self) -> bool {
        self.daemon.is_some()
    }

    /// Tells a command which Docker is meant.
    pub(crate) fn reached_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DOCKER_CONFIG", self.folder.join("config"));
        if self.is_own() {
            command.env("DOCKER_HOST", self.socket());
        }
        command
    }

    fn socket(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.display())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Asked, not killed: Docker ends what it has started.
        if let Some(daemon) = &mut self.daemon {
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
        }
    }
}
